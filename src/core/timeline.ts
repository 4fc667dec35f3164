/** Counts per interval over a time whose length nobody knows beforehand. Intervals begin at whole multiples of their
 *  length since 1970, in UTC. Without a length given, it grows with the time, so that there are at most 120 of them. */
import { AppError } from "./error.ts";

const MINUTE_US = 60_000_000;
/** Each is a multiple of the one before. */
const STEPS_US = [1, 5, 15, 60, 360, 1440, 10_080, 10_080 * 4, 10_080 * 52].map((minutes) => minutes * MINUTE_US);
const CHOSEN_MAX = 120;
/** Of a length that somebody asked for. */
const INTERVALS_MAX = 4_000;

export type Series = number[];

export class Timeline {
  private step: number;
  private readonly isFixed: boolean;
  /** The number of the first and of the last interval since 1970. */
  private first: number | undefined;
  private last = 0;
  private readonly all: Series[] = [];

  /** @param stepUs whole minutes, in microseconds. */
  constructor(stepUs: number | undefined) {
    this.step = stepUs ?? MINUTE_US;
    this.isFixed = stepUs !== undefined;
  }

  newSeries(): Series {
    const series: Series = [];
    this.all.push(series);
    return series;
  }

  get stepUs(): number {
    return this.step;
  }

  /** The first moment of the first interval, and the first that is behind the last; undefined while there is none. */
  get range(): { fromUs: number; toUs: number } | undefined {
    if (this.first === undefined) return undefined;
    return { fromUs: this.first * this.step, toUs: (this.last + 1) * this.step };
  }

  /** Where in a series this moment counts; holds until the next call. What is older than the first counts as the first.
   *  @throws AppError invalid_params when there would be too many intervals of the length that was asked for. */
  slotOf(us: number): number {
    this.first ??= Math.floor(us / this.step);
    this.last = Math.max(this.last, this.first, Math.floor(us / this.step));
    while (!this.isFixed && this.last - this.first >= CHOSEN_MAX && this.coarsen());
    if (this.last - this.first >= INTERVALS_MAX) throw tooMany();
    return Math.max(0, Math.floor(us / this.step) - this.first);
  }

  /** As many numbers as there are intervals. */
  fill(series: Series): number[] {
    const length = this.first === undefined ? 0 : this.last - this.first + 1;
    return Array.from({ length }, (_, slot) => series[slot] ?? 0);
  }

  /** False when there is no longer step. */
  private coarsen(): boolean {
    const longer = STEPS_US[STEPS_US.indexOf(this.step) + 1];
    if (longer === undefined) return false;
    const times = longer / this.step;
    const [first, last] = [this.first ?? 0, this.last];
    this.first = Math.floor(first / times);
    this.last = Math.floor(last / times);
    for (const series of this.all) {
      const finer = series.splice(0);
      for (const [slot, count] of finer.entries())
        addTo(series, Math.floor((first + slot) / times) - this.first, count ?? 0);
    }
    this.step = longer;
    return true;
  }
}

export function addTo(series: Series, slot: number, count: number): void {
  while (series.length <= slot) series.push(0);
  series[slot] = (series[slot] as number) + count;
}

function tooMany(): AppError {
  return new AppError("invalid_params", `That is more than ${String(INTERVALS_MAX)} intervals.`, {
    hint: "Ask for longer ones, such as 1h, or for a shorter time.",
  });
}
