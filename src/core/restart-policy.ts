/** When a crashed process is started again. Three policies by name: our own, Heroku's, and not at all. */

export const RESTART_POLICIES = ["default", "heroku", "never"] as const;
export type RestartPolicy = (typeof RESTART_POLICIES)[number];

export interface BackoffRules {
  readonly firstMs: number;
  readonly maxMs: number;
  /** Up for this long forgives all crashes. */
  readonly resetAfterMs: number;
}

export interface RestartRules {
  readonly restartPolicy: RestartPolicy;
  readonly backoff: BackoffRules;
}

/** Many processes that crashed for one reason do not all come back in one moment. */
const JITTER = 0.1;

/** Heroku's (Dev Center, "Dyno crash restart policy"): the first at once, from the sixth on every 320 minutes. */
const HEROKU_MINUTES = [0, 20, 40, 60, 180, 320] as const;

/** How long to wait after so many crashes in a row; undefined when it is not started again by itself.
 *  @param chance in [0, 1), for the jitter of our own policy. */
export function restartDelayMs(crashes: number, rules: RestartRules, chance: number): number | undefined {
  const index = Math.max(0, crashes - 1);
  switch (rules.restartPolicy) {
    case "never":
      return undefined;
    case "heroku":
      return (HEROKU_MINUTES[index] ?? 320) * 60_000;
    case "default":
      return Math.round(backoffMs(index, rules.backoff) * (1 - JITTER + 2 * JITTER * chance));
  }
}

/** 1 s, 2 s, 4 s … */
function backoffMs(index: number, { firstMs, maxMs }: BackoffRules): number {
  return Math.min(maxMs, firstMs * 2 ** Math.min(index, 40));
}

/** Heroku restarts every process once a day, each at a moment of its own (Dev Center, "Dyno restarts"). */
const DAY_MS = 24 * 3_600_000;
const DAY_SPREAD_MS = 216 * 60_000;

/** When a process that began then is due for its daily restart. It follows from the process alone, so that every daemon
 *  comes to the same.
 *  @param id the UUID of the process, which decides how much over a day it gets. */
export function dailyRestartAt(startedAt: number, id: string): number {
  const share = Number.parseInt(id.slice(0, 8), 16) / 2 ** 32;
  return startedAt + DAY_MS + Math.floor(DAY_SPREAD_MS * share);
}
