/** How long, and how long ago, in the words of Heroku's 2011 client (docs/formats.md, "Tables"). Floors, never rounds:
 *  `59s` becomes `1m` at the sixtieth second. A clock that runs ahead reads as zero, never as a negative. */

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** `4s`, `12m`, `16h`: hours have no upper end. */
export function formatDuration(ms: number): string {
  if (ms < MINUTE_MS) return `${whole(ms, SECOND_MS)}s`;
  if (ms < HOUR_MS) return `${whole(ms, MINUTE_MS)}m`;
  return `${whole(ms, HOUR_MS)}h`;
}

/** `up for 4s`, the State column of `ps`. */
export function formatStateFor(state: string, sinceMs: number, nowMs: number): string {
  return `${state} for ${formatDuration(nowMs - sinceMs)}`;
}

/** `4 seconds ago`, `1 minute ago`, `3 hours ago`; from 24 hours on the date, `2026-11-23T07:19:50Z` (RFC 3339). */
export function formatAgo(thenMs: number, nowMs: number): string {
  const ms = nowMs - thenMs;
  if (ms >= DAY_MS) return formatDate(thenMs);
  if (ms < MINUTE_MS) return `${count(whole(ms, SECOND_MS), "second")} ago`;
  if (ms < HOUR_MS) return `${count(whole(ms, MINUTE_MS), "minute")} ago`;
  return `${count(whole(ms, HOUR_MS), "hour")} ago`;
}

/** RFC 3339 in UTC, whole seconds. */
export function formatDate(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

function whole(ms: number, unitMs: number): string {
  return String(Math.max(0, Math.floor(ms / unitMs)));
}

function count(number: string, unit: string): string {
  return `${number} ${unit}${number === "1" ? "" : "s"}`;
}

/** `1 hour`, `90 seconds`: a limit in the largest unit that divides it. */
export function spellDuration(ms: number): string {
  if (ms % HOUR_MS === 0) return count(whole(ms, HOUR_MS), "hour");
  if (ms % MINUTE_MS === 0) return count(whole(ms, MINUTE_MS), "minute");
  return ms % SECOND_MS === 0 ? count(whole(ms, SECOND_MS), "second") : `${String(ms)} ms`;
}

const UNIT_MS: Readonly<Record<string, number>> = { s: SECOND_MS, m: MINUTE_MS, h: HOUR_MS };

/** Reads `60s`, `10m` or `24h` as milliseconds; undefined for anything else, and for nothing at all. */
export function parseDuration(text: string): number | undefined {
  const [, number, unit = ""] = /^(\d{1,5})([smh])$/.exec(text) ?? [];
  const ms = Number(number) * (UNIT_MS[unit] ?? 0);
  return ms > 0 ? ms : undefined;
}
