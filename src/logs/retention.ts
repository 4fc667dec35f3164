/** Removes whole segments, the oldest first, when the log is too large or too old; the one that is written stays. Who
 *  reads a segment meanwhile has it open, who comes later takes it as gone. */
import type { Clock } from "../core/clock.ts";
import { bytesOf, removeSegment, segmentUs } from "./segment-files.ts";

export interface RetentionPolicy {
  /** All segments together as they lie on the disk, with what is derived from them; the newest included. */
  bytesMax: number;
  /** Since the last line of a segment. */
  ageMsMax: number;
  /** Since the last line of a segment, until it is compressed if that is not needed sooner; never when left out. */
  hotMs?: number;
}

export const KEEP_ALL: RetentionPolicy = {
  bytesMax: Number.POSITIVE_INFINITY,
  ageMsMax: Number.POSITIVE_INFINITY,
};

export interface RetentionParts {
  dir: string;
  clock: Clock;
  /** Those of the writer, oldest first: what is removed is taken out of it. */
  segments: string[];
  /** Runs while nobody gives a segment another form. */
  exclusively: (work: () => Promise<void>) => Promise<void>;
  /** Told of a segment that is about to be removed, and of the next one; its lines are there until it resolves. */
  beforeRemoval: (segment: string, next: string) => Promise<void>;
  /** Told what was removed: up to the first line of this segment. */
  onRemoved: (oldestKept: string, count: number) => void;
  onFault: (error: unknown) => void;
}

export class Retention {
  policy = KEEP_ALL;
  private readonly parts: RetentionParts;
  private running: Promise<void> | undefined;
  private isAsked = false;
  private isClosed = false;

  constructor(parts: RetentionParts) {
    this.parts = parts;
  }

  /** Looks in its own time; asked while it looks, it looks once more. */
  check(): void {
    if (this.isClosed || (this.policy.bytesMax === KEEP_ALL.bytesMax && this.policy.ageMsMax === KEEP_ALL.ageMsMax))
      return;
    this.isAsked = true;
    this.running ??= this.run();
  }

  private async run(): Promise<void> {
    while (this.isAsked && !this.isClosed) {
      this.isAsked = false;
      try {
        await this.removeOld();
      } catch (error) {
        // It is looked at again when the next segment begins.
        this.parts.onFault(error);
      }
    }
    this.running = undefined;
  }

  private async removeOld(): Promise<void> {
    const { segments, onRemoved } = this.parts;
    const sizes = await bytesOf(this.parts.dir, segments);
    let bytes = sizes.reduce((sum, size) => sum + size, 0);
    let count = 0;
    for (const size of sizes.slice(0, -1)) {
      if (this.isClosed || !(bytes > this.policy.bytesMax || this.isTooOld(segments[1]))) break;
      await this.parts.beforeRemoval(segments[0] ?? "", segments[1] ?? "");
      await this.parts.exclusively(async () => {
        await removeSegment(this.parts.dir, segments[0] ?? "");
        segments.shift();
      });
      bytes -= size;
      count += 1;
    }
    if (count > 0) onRemoved(segments[0] ?? "", count);
  }

  /** The last line of a segment is not newer than the first of the next. */
  private isTooOld(next: string | undefined): boolean {
    const us = next === undefined ? undefined : segmentUs(next);
    return us !== undefined && us / 1000 < this.parts.clock.now() - this.policy.ageMsMax;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.running;
  }
}
