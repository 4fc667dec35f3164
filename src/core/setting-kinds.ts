/** What the value of a setting may be: the forms, what they mean, and how to write them. */
import { parseDuration } from "./duration.ts";
import { RESTART_POLICIES } from "./restart-policy.ts";

export type SettingKind =
  "duration" | "limit" | "switch" | "count" | "days" | "size" | "rate" | "age" | "path" | "policy" | "rest" | "page";

/** A page of the app's own: a file in its code, or a URL that is shown in a frame. */
export type PageSetting = { readonly path: string } | { readonly url: string };

/** Heroku's own limits end at minutes; a timer of the machine ends at 24 days, and would then fire at once. */
export const DURATION_MAX_MS = 3_600_000;
const REST_MAX_MS = 24 * 3_600_000;

function parseSettingDuration(text: string): number | undefined {
  const ms = /^[1-9]\d{0,4}ms$/.test(text) ? Number.parseInt(text) : parseDuration(text);
  return ms !== undefined && ms <= DURATION_MAX_MS ? ms : undefined;
}

/** The target of a request, as RFC 9112 has it: no space, no fragment. */
const PATH = /^\/[\x21\x22\x24-\x7e]{0,199}$/;

const BYTES_PER: Record<string, number> = { MB: 1e6, GB: 1e9 };

function parseSize(text: string): number | undefined {
  const [, number, unit = ""] = /^([1-9]\d{0,4})(MB|GB)$/.exec(text) ?? [];
  return number === undefined ? undefined : Number(number) * (BYTES_PER[unit] ?? 0);
}

function parseDays(text: string): number | undefined {
  if (text === "off") return Number.POSITIVE_INFINITY;
  return /^[1-9]\d{0,3}$/.test(text) ? Number(text) * 24 * 3_600_000 : undefined;
}

function parseAge(text: string): number | undefined {
  if (text === "off") return Number.POSITIVE_INFINITY;
  return /^[1-9]\d{0,3}d$/.test(text) ? Number.parseInt(text) * 24 * 3_600_000 : parseDuration(text);
}

function parseRest(text: string): number | undefined {
  return text === "off" ? Number.POSITIVE_INFINITY : parseLimit(text);
}

function parseLimit(text: string): number | undefined {
  const ms = parseDuration(text);
  return ms !== undefined && ms <= REST_MAX_MS ? ms : undefined;
}

const PAGE_URL = /^https?:\/\/[^\s"<>]+$/;

/** Undefined when the text is neither `default`, a URL nor a path that stays within the code. */
export function parsePage(text: string): PageSetting | "default" | undefined {
  if (text === "default") return text;
  if (PAGE_URL.test(text)) return { url: text };
  const isPath = /^[^\x00-\x1f\x7f\\:]+$/.test(text) && !text.split("/").some((part) => ["", ".", ".."].includes(part));
  return isPath ? { path: text } : undefined;
}

/** A duration or days in ms, a size in bytes, a count, 1 and 0 for on and off, the text itself of what is a text;
 *  undefined when it does not fit. */
const PARSERS: { readonly [K in SettingKind]: (text: string) => number | string | undefined } = {
  path: (text) => (text === "off" || PATH.test(text) ? text : undefined),
  policy: (text) => RESTART_POLICIES.find((policy) => policy === text),
  duration: parseSettingDuration,
  limit: parseLimit,
  days: parseDays,
  size: parseSize,
  rate: (text) => (text === "off" ? Number.POSITIVE_INFINITY : parseSize(text)),
  age: parseAge,
  count: (text) => (/^[1-9]\d{0,4}$/.test(text) ? Number(text) : undefined),
  switch: (text) => (text === "on" ? 1 : text === "off" ? 0 : undefined),
  rest: parseRest,
  page: (text) => (parsePage(text) === undefined ? undefined : text),
};

export function parseSettingValue(kind: SettingKind, text: string): number | string | undefined {
  return PARSERS[kind](text);
}

/** Behind the default value, as an example. */
export const FORM_HINTS: Partial<Record<SettingKind, string>> = {
  duration: ", from 1ms to 1h",
  path: " or a path such as /healthz",
  policy: `; there are ${RESTART_POLICIES.join(", ")}`,
  rest: " or 30m, from 1s to 24h",
  limit: ", from 1s to 24h",
  page: ", public/500.html (a file of the app) or https://example.com/sorry.html",
  days: " or a number of days",
  age: ", 12h or off",
  rate: " or off",
  size: " or 500MB, up to 99999GB",
};
