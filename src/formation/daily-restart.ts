/** The daily restart of processes, where the app asks for it: one timer for all of them, for the soonest. */
import type { Clock } from "../core/clock.ts";
import { dailyRestartAt } from "../core/restart-policy.ts";
import type { DynoProcess } from "./dyno-process.ts";

export class DailyRestart {
  readonly #clock: Clock;
  readonly #restart: (dyno: DynoProcess) => void;
  #armed: { at: number; by: AbortController } | undefined;

  /** @param restart is told whose time has come. */
  constructor(clock: Clock, restart: (dyno: DynoProcess) => void) {
    this.#clock = clock;
    this.#restart = restart;
  }

  /** What runs has changed, or the setting has.
   *  @param dynos those that are to be restarted daily; none stops the timer. */
  watch(dynos: readonly DynoProcess[]): void {
    const at = Math.min(...dynos.map(dueAt));
    if (at === (this.#armed?.at ?? Infinity)) return;
    this.#armed?.by.abort();
    this.#armed = at === Infinity ? undefined : { at, by: new AbortController() };
    if (this.#armed !== undefined) void this.#wait(dynos, this.#armed);
  }

  async #wait(dynos: readonly DynoProcess[], { at, by }: { at: number; by: AbortController }): Promise<void> {
    await this.#clock.sleep(Math.max(0, at - this.#clock.now()), by.signal);
    if (by.signal.aborted) return;
    for (const dyno of dynos) if (dueAt(dyno) <= at) this.#restart(dyno);
  }
}

function dueAt(dyno: DynoProcess): number {
  const { startedAt, since } = dyno.instance ?? {};
  return dyno.state === "up" ? dailyRestartAt(startedAt ?? since ?? Infinity, dyno.id) : Infinity;
}
