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

  /** A clock that counts fractions of a millisecond gives real microseconds. */
  now(): number {
    this.last = Math.max(this.last, Math.floor(this.clock.now() * 1000));
    return this.last;
  }
}
