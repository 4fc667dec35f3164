/** What a request waits for, and until when. One timer serves all its phases, because most requests are over long before
 *  any of them is. */
import type { Clock } from "../core/clock.ts";

export type Phase = "boot" | "upload" | "first byte" | "answer";

/** Timers of node may end so much before a finer clock says so, in milliseconds. */
const EARLY_MS = 1;

export class Deadline {
  phase: Phase = "boot";
  private readonly clock: Clock;
  private readonly owner: { expired(): void };
  private ms = 0;
  private dueAt = 0;
  private timer: NodeJS.Timeout | undefined;
  private timerAt = 0;

  constructor(clock: Clock, owner: { expired(): void }) {
    this.clock = clock;
    this.owner = owner;
  }

  /** A phase that ends so many milliseconds from `now`, unless something moves. */
  begin(phase: Phase, ms: number, now: number = this.clock.now()): void {
    this.phase = phase;
    this.ms = ms;
    this.dueAt = now + ms;
    // A timer that ends earlier looks again then.
    if (this.timer === undefined || this.timerAt > this.dueAt) this.arm(ms);
  }

  /** The phase begins again. */
  moved(): void {
    this.dueAt = this.clock.now() + this.ms;
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private arm(ms: number): void {
    clearTimeout(this.timer);
    this.timerAt = this.dueAt;
    this.timer = setTimeout(look, ms, this);
  }

  look(): void {
    this.timer = undefined;
    const left = this.dueAt - this.clock.now();
    if (left > EARLY_MS) this.arm(left);
    else this.owner.expired();
  }
}

function look(deadline: Deadline): void {
  deadline.look();
}
