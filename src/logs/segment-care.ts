/** Looks after the segments that grow no more: derives from each what makes reading quick, and compresses those whose
 *  last line is old. One step at a time, in the background thread; killed at any point, what there is stays right. */
import { rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { inBackground } from "./background.ts";
import { usualCodec } from "./frames.ts";
import { segmentUs, syncDirectory } from "./segment-files.ts";

/** A smaller segment is read through as quickly, and its disk blocks are few. */
export const CARE_BYTES_MIN = 1024 * 1024;
/** Timers end at 24 days. */
const SLEEP_MS_MAX = 24 * 3_600_000;

export interface CareParts {
  dir: string;
  clock: Clock;
  /** Those of the writer, oldest first: the last one is being written. */
  segments: readonly string[];
  bytesMin: number;
  /** Runs while nobody removes segments. */
  exclusively: (work: () => Promise<void>) => Promise<void>;
  onFault: (error: unknown) => void;
}

export class SegmentCare {
  /** How long after its last line a segment stays as it is. */
  hotMs = Number.POSITIVE_INFINITY;
  private readonly parts: CareParts;
  private readonly stop = new AbortController();
  private running: Promise<void> | undefined;
  private isAsked = false;
  private pause = new AbortController();
  private waiting: Promise<void> | undefined;

  constructor(parts: CareParts) {
    this.parts = parts;
  }

  /** Looks in its own time; asked while it looks, it looks once more. */
  check(): void {
    if (this.stop.signal.aborted) return;
    this.isAsked = true;
    this.running ??= this.run();
  }

  private async run(): Promise<void> {
    while (this.isAsked && !this.stop.signal.aborted) {
      this.isAsked = false;
      try {
        await this.look();
      } catch (error) {
        // It is looked at again when the next segment begins.
        if (!this.stop.signal.aborted) this.parts.onFault(error);
      }
    }
    this.running = undefined;
    this.waitForNext();
  }

  private async look(): Promise<void> {
    for (const segment of this.parts.segments.slice(0, -1)) {
      if (this.stop.signal.aborted) return;
      if (this.dueInMs(segment) <= 0) await this.compress(segment);
    }
  }

  /** Until its last line, which is not newer than the first of the next segment, is old enough. */
  private dueInMs(segment: string): number {
    const { segments, clock } = this.parts;
    const next = segments[segments.indexOf(segment) + 1];
    const us = next === undefined ? undefined : segmentUs(next);
    return us === undefined ? Number.POSITIVE_INFINITY : us / 1000 + this.hotMs - clock.now();
  }

  private async compress(segment: string): Promise<void> {
    const { dir, segments, bytesMin } = this.parts;
    const plain = join(dir, segment);
    const { size } = await stat(plain).catch(() => ({ size: 0 }));
    if (size < bytesMin) return;
    const name = segment + usualCodec().suffix;
    const temporary = `${name}.tmp`;
    try {
      await inBackground({ kind: "compress", dir, segment, to: temporary }, this.stop.signal);
      await this.parts.exclusively(async () => {
        if (!segments.includes(segment)) return;
        await rename(join(dir, temporary), join(dir, name));
        await syncDirectory(dir);
        await rm(plain, { force: true });
      });
    } finally {
      await rm(join(dir, temporary), { force: true });
    }
  }

  /** One timer for the segment that is due next; none while all there is stays as it is. */
  private waitForNext(): void {
    this.pause.abort();
    const due = this.parts.segments.slice(0, -1).map((segment) => this.dueInMs(segment));
    const next = Math.min(...due.filter((ms) => ms > 0));
    if (!Number.isFinite(next) || this.stop.signal.aborted) return;
    const pause = new AbortController();
    this.pause = pause;
    this.waiting = this.parts.clock.sleep(Math.min(next, SLEEP_MS_MAX), pause.signal).then(() => {
      if (!pause.signal.aborted) this.check();
    });
  }

  async close(): Promise<void> {
    this.stop.abort();
    this.pause.abort();
    await this.waiting;
    await this.running;
  }
}
