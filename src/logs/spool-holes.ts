/** Spools give the disk blocks of what is stored back, in large steps and one at a time. */
import { STANDING_BYTES } from "./journal.ts";
import { punchHole } from "./punch-hole.ts";
import type { Spool } from "./spool.ts";

const PUNCH_BYTES = 64 * 1024 * 1024;

export class SpoolHoles {
  private readonly sync: () => Promise<void>;
  private readonly step: number;
  private punching: Promise<void> | undefined;

  /** `sync` puts what is stored on the disk, before the raw bytes are given up. */
  constructor(sync: () => Promise<void>, step = PUNCH_BYTES) {
    this.sync = sync;
    this.step = step;
  }

  /** `stored`: raw bytes before this are in the log. */
  punch(spool: Spool, stored: number): void {
    if (this.punching !== undefined || stored - spool.punched < this.step) return;
    spool.punched = stored;
    this.punching = this.punchStored(spool.source.path, stored).finally(() => {
      this.punching = undefined;
    });
  }

  private async punchStored(path: string, stored: number): Promise<void> {
    try {
      await this.sync();
    } catch {
      // Not safe on the disk: the raw bytes stay for now.
      return;
    }
    // What a plan that stands for many lines covers is counted again after a crash.
    await punchHole(path, Math.max(0, stored - STANDING_BYTES));
  }

  async done(): Promise<void> {
    await this.punching;
  }
}
