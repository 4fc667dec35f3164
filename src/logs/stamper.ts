/** The stamps of one stream: microseconds that follow the clock and never decrease. When the clock steps back the last
 *  stamp is repeated; a flood gets ties, because counting up would soon run ahead of the clock. */
import type { Clock } from "../core/clock.ts";

export class Stamper {
  private readonly clock: Clock;
  private last: number;

  /** `last` is the newest stamp that is already stored. */
  constructor(clock: Clock, last: number) {
    this.clock = clock;
    this.last = last;
  }

  /** For a line that somebody else stamped before it came here: its own time, unless the stream is past it already;
   *  0 when it has none. */
  at(us: number): number {
    const now = Math.floor(this.clock.now() * 1000);
    this.last = Math.max(this.last, us > 0 ? Math.min(us, now) : now);
    return this.last;
  }

  /** A clock that counts fractions of a millisecond gives real microseconds. */
  now(): number {
    this.last = Math.max(this.last, Math.floor(this.clock.now() * 1000));
    return this.last;
  }
}
