/** What `logs:stats` tells, and how it is asked. */
import { AppError } from "./error.ts";

export const STATS_BY = ["ps", "release", "level", "status", "path"] as const;
export type StatsBy = (typeof STATS_BY)[number];

/** Whether a grouping is one of requests; the others are of lines. */
export function isOfRequests(by: StatsBy): boolean {
  return by === "release" || by === "status" || by === "path";
}

export interface LineCounts {
  lines: number;
  /** Lines that state the level error. */
  errors: number;
  /** Lines in each interval. */
  counts: number[];
}

export interface RequestCounts {
  requests: number;
  /** Answered with 5xx, or with a code of the router. */
  failed: number;
  /** Milliseconds until the answer was over; null where no line tells it. */
  service_ms: { p50: number; p95: number; p99: number; max: number } | null;
  /** Requests in each interval. */
  counts: number[];
}

export type StatsGroup = { name: string } & (LineCounts | RequestCounts);

export interface LogStats {
  by: StatsBy | null;
  /** RFC 3339: where the first interval begins, and where the last one ends; null without a line. */
  from: string | null;
  to: string | null;
  /** Seconds in an interval. */
  every: number;
  /** Null when lines are not what was counted. */
  lines: LineCounts | null;
  /** Null when requests are not. */
  requests: RequestCounts | null;
  groups: StatsGroup[];
  /** All that found no place among the groups. */
  other: (LineCounts | RequestCounts) | null;
}

/** @throws AppError invalid_params */
export function parseStatsBy(text: string): StatsBy {
  const by = STATS_BY.find((known) => known === text);
  if (by !== undefined) return by;
  throw new AppError("invalid_params", `Lines cannot be grouped by ${JSON.stringify(text.slice(0, 40))}.`, {
    hint: `They can by ${STATS_BY.join(", ")}.`,
  });
}

const UNIT_MINUTES: Readonly<Record<string, number>> = { m: 1, h: 60, d: 1440 };
const MINUTES_MAX = 366 * 1440;

/** `5m`, `1h`, `1d` in minutes.
 *  @throws AppError invalid_params */
export function parseInterval(text: string): number {
  const [, number, unit = ""] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  const minutes = Number(number) * (UNIT_MINUTES[unit] ?? 0);
  if (minutes >= 1 && minutes <= MINUTES_MAX) return minutes;
  throw new AppError("invalid_params", `${JSON.stringify(text.slice(0, 40))} is no interval.`, {
    hint: "Write it like 1m, 5m, 1h or 1d.",
  });
}
