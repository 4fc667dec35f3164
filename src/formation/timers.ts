/** The timers of one dyno, by name. */
import type { Clock } from "../core/clock.ts";
import type { DynoTimer } from "../core/dyno.ts";

export class Timers {
  readonly #clock: Clock;
  readonly #fire: (timer: DynoTimer) => void;
  readonly #armed = new Map<DynoTimer, AbortController>();

  constructor(clock: Clock, fire: (timer: DynoTimer) => void) {
    this.#clock = clock;
    this.#fire = fire;
  }

  async arm(timer: DynoTimer, ms: number): Promise<void> {
    const armed = new AbortController();
    this.#armed.set(timer, armed);
    await this.#clock.sleep(ms, armed.signal);
    if (!armed.signal.aborted) this.#fire(timer);
  }

  disarm(timer: DynoTimer): void {
    this.#armed.get(timer)?.abort();
    this.#armed.delete(timer);
  }

  disarmAll(): void {
    for (const timer of this.#armed.keys()) this.disarm(timer);
  }
}
