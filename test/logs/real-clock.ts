/** The clocks of the log tests: the machine's, and one that a test moves. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../../src/core/clock.ts";

export const realClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined),
};

/** A clock that stands still at `ms` until the test sets it. */
export function settableClock(ms: number): Clock & { ms: number } {
  const clock = { ms, now: () => clock.ms, sleep: (ms: number, signal?: AbortSignal) => realClock.sleep(ms, signal) };
  return clock;
}
