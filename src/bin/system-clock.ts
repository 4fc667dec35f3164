/** The machine's clock, with microseconds: log lines of one millisecond keep their distance. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../core/clock.ts";

/** Further from the wall clock than this, somebody has set the clock. */
const DRIFT_MAX_MS = 2;

let anchor = Date.now() - performance.now();

function now(): number {
  const precise = anchor + performance.now();
  const wall = Date.now();
  if (Math.abs(precise - wall) <= DRIFT_MAX_MS) return precise;
  anchor = wall - performance.now();
  return wall;
}

export const systemClock: Clock = {
  now,
  sleep: (ms, signal) => sleep(ms, undefined, signal && { signal }).catch(() => undefined),
};
