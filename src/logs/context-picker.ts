/** Takes lines around hits, process by process, as lines pass by one at a time, forwards or backwards. What belongs to
 *  one stack trace stays together, however long its context would be otherwise. */

/** A line of the scope; `place` only comes back with it. */
export interface PassingLine<Place> {
  place: Place;
  ps: string;
  isHit: boolean;
  /** Whether it goes on with the line before it of the same process, as a frame of a stack trace does. */
  isContinuation: boolean;
}

/** So many lines may be added to a context to keep a trace together. */
const TRACE_LINES_MAX = 200;
/** All lines that are held back; beyond that nothing is held, and hits have less context. */
const HELD_LINES_MAX = 100_000;

interface Process<Place> {
  /** Lines that passed and were not taken, for the next hit. */
  held: { place: Place; isContinuation: boolean }[];
  /** Lines that the last hit still takes. */
  owed: number;
  /** How many lines of a trace were taken beyond that; undefined when the last line was not taken. */
  beyond: number | undefined;
  lastIsContinuation: boolean;
}

export class ContextPicker<Place> {
  private readonly count: number;
  private readonly isForward: boolean;
  private readonly processes = new Map<string, Process<Place>>();
  private held = 0;

  constructor(count: number, direction: "forward" | "backward") {
    this.count = count;
    this.isForward = direction === "forward";
  }

  /** The lines that are taken now that this one has passed. */
  pass({ place, ps, isHit, isContinuation }: PassingLine<Place>): Place[] {
    const process = this.processOf(ps);
    const joins = this.isForward ? isContinuation : process.lastIsContinuation;
    process.lastIsContinuation = isContinuation;
    if (isHit) return [...this.takeHeld(process), place];
    if (this.takes(process, joins)) return [place];
    process.beyond = undefined;
    this.hold(process, { place, isContinuation });
    return [];
  }

  /** Processes whose hits still wait for lines. */
  *waiting(): Iterable<string> {
    for (const [ps, { owed, beyond, lastIsContinuation }] of this.processes)
      if (owed > 0 || (beyond !== undefined && lastIsContinuation)) yield ps;
  }

  private processOf(ps: string): Process<Place> {
    const known = this.processes.get(ps);
    if (known !== undefined) return known;
    const fresh = { held: [], owed: 0, beyond: undefined, lastIsContinuation: false };
    this.processes.set(ps, fresh);
    return fresh;
  }

  /** What is held for a hit that passes now. */
  private takeHeld(process: Process<Place>): Place[] {
    const { held } = process;
    let first = Math.max(0, held.length - this.count);
    const firstMax = Math.max(0, first - TRACE_LINES_MAX);
    while (first > firstMax && held[this.isForward ? first : first - 1]?.isContinuation === true) first -= 1;
    this.held -= held.length;
    Object.assign(process, { held: [], owed: this.count, beyond: 0 });
    return held.slice(first).map(({ place }) => place);
  }

  /** Whether a line that is no hit belongs to the hit before it. */
  private takes(process: Process<Place>, joins: boolean): boolean {
    if (process.owed > 0) {
      process.owed -= 1;
      return true;
    }
    if (!joins || process.beyond === undefined || process.beyond >= TRACE_LINES_MAX) return false;
    process.beyond += 1;
    return true;
  }

  private hold(process: Process<Place>, line: { place: Place; isContinuation: boolean }): void {
    if (this.held >= HELD_LINES_MAX) {
      for (const other of this.processes.values()) other.held = [];
      this.held = 0;
    }
    process.held.push(line);
    this.held += 1;
    if (process.held.length <= this.count + TRACE_LINES_MAX) return;
    process.held.shift();
    this.held -= 1;
  }
}
