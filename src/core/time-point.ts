/** Times as people write them, for `logs --since` and its kin: RFC 3339, `10m`, `2 hours ago`, `yesterday 14:00`, or a
 *  release, which stands for the moment it was made. What names no zone is in the one that is handed in. */
import { AppError } from "./error.ts";

export type TimePoint =
  { kind: "moment"; /** Microseconds since the epoch. */ us: number } | { kind: "release"; version: number };

export interface TimeContext {
  /** Milliseconds since the epoch. */
  now: number;
  /** East of Greenwich is positive; 0 is UTC. */
  zoneMinutes: number;
}

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** The last millisecond that a stamp of 27 characters can tell. */
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

const UNITS: readonly [RegExp, number][] = [
  [/^s(ecs?|econds?)?$/, SECOND_MS],
  [/^m(ins?|inutes?)?$/, MINUTE_MS],
  [/^h(rs?|ours?)?$/, HOUR_MS],
  [/^d(ays?)?$/, DAY_MS],
  [/^w(eeks?)?$/, 7 * DAY_MS],
];

const RELEASE = /^v([1-9]\d{0,8})$/;
const AGO = /^((?:(?:\d{1,9}|an? )\s*[a-z]+\s*)+?)(?:\s+ago)?$/;
const PART = /(\d+|an?) ?\s*([a-z]+)/g;
const CLOCK = String.raw`(\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?`;
const TIME_OF_DAY = new RegExp(`^(?:(today|yesterday)(?:\\s+(?:at\\s+)?|$))?(?:${CLOCK})?$`);
const DATE = new RegExp(String.raw`^(\d{4})-(\d\d)-(\d\d)(?:[t ]\s*${CLOCK}\s*(z|[+-]\d\d:?\d\d)?)?$`);

/** @throws AppError invalid_params for what is no time. */
export function parseTimePoint(text: string, context: TimeContext): TimePoint {
  const words = text.trim().toLowerCase();
  const version = RELEASE.exec(words)?.[1];
  if (version !== undefined) return { kind: "release", version: Number(version) };
  const us = parseAgo(words, context) ?? parseTimeOfDay(words, context) ?? parseDate(words, context);
  if (us === undefined) {
    throw new AppError("invalid_params", `${JSON.stringify(text.slice(0, 60))} is no time.`, {
      hint: 'Write it like 10m, "2 hours ago", "yesterday 14:00", 2011-06-19T08:35:19Z (all in UTC), or v74 for a release.',
    });
  }
  return { kind: "moment", us: Math.min(Math.max(0, us), LAST_MS * 1000) };
}

function parseAgo(words: string, { now }: TimeContext): number | undefined {
  if (words === "now") return Math.floor(now * 1000);
  const [, parts] = AGO.exec(words) ?? [];
  if (parts === undefined) return undefined;
  let ms = 0;
  for (const [, count = "", word = ""] of parts.matchAll(PART)) {
    const unit = UNITS.find(([form]) => form.test(word))?.[1];
    if (unit === undefined) return undefined;
    ms += (count.startsWith("a") ? 1 : Number(count)) * unit;
  }
  return Math.floor((now - ms) * 1000);
}

/** `yesterday` is its first moment. A time alone is the last moment at which a clock showed it: logs are of the past. */
function parseTimeOfDay(words: string, { now, zoneMinutes }: TimeContext): number | undefined {
  const match = words === "" ? null : TIME_OF_DAY.exec(words);
  if (match === null) return undefined;
  const [, day, ...clock] = match;
  const local = now + zoneMinutes * MINUTE_MS;
  const midnight = local - (((local % DAY_MS) + DAY_MS) % DAY_MS) - zoneMinutes * MINUTE_MS;
  const within = clockUs(clock);
  if (within === undefined) return undefined;
  const us = (midnight - (day === "yesterday" ? DAY_MS : 0)) * 1000 + within;
  return day === undefined && us > now * 1000 ? us - DAY_MS * 1000 : us;
}

function parseDate(words: string, { zoneMinutes }: TimeContext): number | undefined {
  const match = DATE.exec(words);
  if (match === null) return undefined;
  const [, year, month, day, ...rest] = match;
  const midnight = Date.UTC(Number(year), Number(month) - 1, Number(day));
  // 2011-02-30 would be the second of March.
  if (new Date(midnight).toISOString().slice(0, 10) !== `${String(year)}-${String(month)}-${String(day)}`) {
    return undefined;
  }
  const within = clockUs(rest.slice(0, 4));
  const zone = zoneOf(rest[4], zoneMinutes);
  if (within === undefined || zone === undefined) return undefined;
  return (midnight - zone * MINUTE_MS) * 1000 + within;
}

/** Microseconds since midnight; midnight itself where no time is named. */
function clockUs([hour = "0", minute = "0", second = "0", fraction = ""]: (string | undefined)[]): number | undefined {
  const [h, m, s] = [Number(hour), Number(minute), Number(second)];
  if (h > 23 || m > 59 || s > 59) return undefined;
  return (h * HOUR_MS + m * MINUTE_MS + s * SECOND_MS) * 1000 + Number(fraction.slice(0, 6).padEnd(6, "0"));
}

function zoneOf(text: string | undefined, usual: number): number | undefined {
  if (text === undefined) return usual;
  if (text === "z") return 0;
  const [hours, minutes] = [Number(text.slice(1, 3)), Number(text.slice(-2))];
  if (hours > 23 || minutes > 59) return undefined;
  return (text.startsWith("-") ? -1 : 1) * (hours * 60 + minutes);
}
