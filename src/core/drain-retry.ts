/** How long a drain waits before it tries again, and what an HTTP status means to it. Logplex tries thrice and gives up;
 *  here the log is on disk, so a drain tries for as long as it takes. */

export interface RetryRules {
  /** The longest wait. */
  maxMs: number;
}

/** Logplex's slot. */
const SLOT_MS = 10;

/** 5 to 10 ms, 10 to 20 ms, 20 to 40 ms … : after an outage the drains of many apps do not all come back in one moment.
 *  @param failures how often in a row it has failed, 1 the first time
 *  @param chance in [0, 1) */
export function drainRetryMs(failures: number, { maxMs }: RetryRules, chance: number): number {
  const most = Math.min(maxMs, SLOT_MS * 2 ** Math.min(Math.max(failures - 1, 0), 30));
  return Math.round((most / 2) * (1 + chance));
}

/** 2xx: it has the frame. 4xx: it does not want it, now or ever, and the frame is dropped, as Logplex does; but 429 is about
 *  the moment, not the frame. */
export function verdictOf(status: number): "delivered" | "refused" | "retry" {
  if (status >= 200 && status < 300) return "delivered";
  return status >= 400 && status < 500 && status !== 429 ? "refused" : "retry";
}

/** The wait that a receiver asks for in `Retry-After`, in ms; undefined when it asks for none in seconds. */
export function retryAfterMs(header: string | undefined, { maxMs }: RetryRules): number | undefined {
  if (header === undefined || !/^\d{1,6}$/.test(header)) return undefined;
  return Math.min(maxMs, Number(header) * 1000);
}
