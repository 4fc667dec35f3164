/** Settings of an app: switches of the platform, kept in `settings.json` of refs/heroku/state and not in config vars.
 *  Every time limit is one, with Heroku's value as its default. Changing one makes no release. */
import { parseDuration } from "./duration.ts";
import { AppError } from "./error.ts";
import type { Json } from "./json.ts";

type Kind = "duration" | "switch" | "count" | "days" | "size" | "rest" | "page";

interface Definition {
  readonly kind: Kind;
  /** As people write it: `60s`, `on`, `100`. */
  readonly default: string;
  readonly help: string;
}

export const SETTINGS = {
  autosleep: {
    kind: "rest",
    default: "off",
    help: "web processes stop after so long without traffic; the next request starts them",
  },
  "autosleep-workers": { kind: "switch", default: "off", help: "all other process types sleep along" },
  "boot-timeout": {
    kind: "duration",
    default: "60s",
    help: "how long a web process may take to accept connections on $PORT (R10)",
  },
  "boot-wait": { kind: "duration", default: "75s", help: "how long a request waits for a starting app (H20)" },
  "connect-timeout": {
    kind: "duration",
    default: "5s",
    help: "how long a web process may take to accept a connection (H19)",
  },
  "error-page": {
    kind: "page",
    default: "default",
    help: "shown when the app fails: a file of the app, or a URL for a frame",
  },
  "exit-timeout": { kind: "duration", default: "30s", help: "how long a process may take to exit after SIGTERM (R12)" },
  "idle-timeout": {
    kind: "duration",
    default: "55s",
    help: "how long a request, an answer or a WebSocket may be silent (H15, H28)",
  },
  "log-days": { kind: "days", default: "off", help: "for how many days the log is kept; off: only log-size counts" },
  "log-size": { kind: "size", default: "2GB", help: "how large the log may grow before its oldest part is removed" },
  "maintenance-page": {
    kind: "page",
    default: "default",
    help: "shown in maintenance mode: a file of the app, or a URL for a frame",
  },
  "max-per-type": { kind: "count", default: "100", help: "the largest quantity of one process type" },
  preboot: { kind: "switch", default: "on", help: "start new web processes before the old ones stop" },
  "request-timeout": {
    kind: "duration",
    default: "30s",
    help: "how long an app may take for the first byte of its answer (H12)",
  },
} as const satisfies Record<string, Definition>;

export type SettingName = keyof typeof SETTINGS;

/** The settings in force. */
export interface Settings {
  /** Infinite when web processes never sleep. */
  autosleepMs: number;
  autosleepWorkers: boolean;
  bootTimeoutMs: number;
  bootWaitMs: number;
  connectTimeoutMs: number;
  errorPage: PageSetting | undefined;
  exitTimeoutMs: number;
  idleTimeoutMs: number;
  maintenancePage: PageSetting | undefined;
  /** Infinite when the log is not removed by age. */
  logAgeMsMax: number;
  logBytesMax: number;
  maxPerType: number;
  preboot: boolean;
  requestTimeoutMs: number;
}

/** A page of the app's own: a file in its code, or a URL that is shown in a frame. */
export type PageSetting = { readonly path: string } | { readonly url: string };

/** Heroku's own limits end at minutes; a timer of the machine ends at 24 days, and would then fire at once. */
export const DURATION_MAX_MS = 3_600_000;
const REST_MAX_MS = 24 * 3_600_000;

function parseSettingDuration(text: string): number | undefined {
  const ms = parseDuration(text);
  return ms !== undefined && ms <= DURATION_MAX_MS ? ms : undefined;
}

const BYTES_PER: Record<string, number> = { MB: 1e6, GB: 1e9 };

function parseSize(text: string): number | undefined {
  const [, number, unit = ""] = /^([1-9]\d{0,4})(MB|GB)$/.exec(text) ?? [];
  return number === undefined ? undefined : Number(number) * (BYTES_PER[unit] ?? 0);
}

function parseDays(text: string): number | undefined {
  if (text === "off") return Number.POSITIVE_INFINITY;
  return /^[1-9]\d{0,3}$/.test(text) ? Number(text) * 24 * 3_600_000 : undefined;
}

function parseRest(text: string): number | undefined {
  if (text === "off") return Number.POSITIVE_INFINITY;
  const ms = parseDuration(text);
  return ms !== undefined && ms <= REST_MAX_MS ? ms : undefined;
}

const PAGE_URL = /^https?:\/\/[^\s"<>]+$/;

/** Undefined when the text is neither `default`, a URL nor a path that stays within the code. */
function parsePage(text: string): PageSetting | "default" | undefined {
  if (text === "default") return text;
  if (PAGE_URL.test(text)) return { url: text };
  const isPath = /^[^\x00-\x1f\x7f\\:]+$/.test(text) && !text.split("/").some((part) => ["", ".", ".."].includes(part));
  return isPath ? { path: text } : undefined;
}

/** A duration or days in ms, a size in bytes, a count, 1 and 0 for on and off, or 1 for a page; undefined when the text
 *  does not fit. */
const PARSERS: { readonly [K in Kind]: (text: string) => number | undefined } = {
  duration: parseSettingDuration,
  days: parseDays,
  size: parseSize,
  count: (text) => (/^[1-9]\d{0,4}$/.test(text) ? Number(text) : undefined),
  switch: (text) => (text === "on" ? 1 : text === "off" ? 0 : undefined),
  rest: parseRest,
  page: (text) => (parsePage(text) === undefined ? undefined : 1),
};

function parseValue(kind: Kind, text: string): number | undefined {
  return PARSERS[kind](text);
}

/** @throws AppError invalid_params listing the settings there are. */
export function parseSettingName(name: string): SettingName {
  if (!Object.hasOwn(SETTINGS, name)) {
    throw new AppError("invalid_params", `There is no setting ${JSON.stringify(name.slice(0, 40))}.`, {
      hint: `Settings are ${Object.keys(SETTINGS).join(", ")}.`,
    });
  }
  return name as SettingName;
}

const FORM_HINTS: Partial<Record<Kind, string>> = {
  duration: ", from 1s to 1h",
  rest: " or 30m, from 1s to 24h",
  page: ", public/500.html (a file of the app) or https://example.com/sorry.html",
  days: " or a number of days",
  size: " or 500MB, up to 99999GB",
};

/** @throws AppError invalid_params when the text does not fit the setting. */
export function checkSetting(name: SettingName, text: string): void {
  if (parseValue(SETTINGS[name].kind, text) !== undefined) return;
  throw new AppError("invalid_params", `${JSON.stringify(text.slice(0, 40))} does not fit the setting ${name}.`, {
    hint: `Write it like ${name}=${SETTINGS[name].default}${FORM_HINTS[SETTINGS[name].kind] ?? ""}.`,
  });
}

export function readSettings(stored: Json | undefined): Settings {
  const texts = settingTexts(stored);
  const read = (name: SettingName): number =>
    parseValue(SETTINGS[name].kind, texts[name]) ?? parseValue(SETTINGS[name].kind, SETTINGS[name].default) ?? 0;
  const page = (name: SettingName): PageSetting | undefined => {
    const parsed = parsePage(texts[name]);
    return parsed === "default" ? undefined : parsed;
  };
  return {
    autosleepMs: read("autosleep"),
    autosleepWorkers: read("autosleep-workers") === 1,
    bootTimeoutMs: read("boot-timeout"),
    bootWaitMs: read("boot-wait"),
    connectTimeoutMs: read("connect-timeout"),
    errorPage: page("error-page"),
    exitTimeoutMs: read("exit-timeout"),
    idleTimeoutMs: read("idle-timeout"),
    logAgeMsMax: read("log-days"),
    logBytesMax: read("log-size"),
    maintenancePage: page("maintenance-page"),
    maxPerType: read("max-per-type"),
    preboot: read("preboot") === 1,
    requestTimeoutMs: read("request-timeout"),
  };
}

/** Every setting in force, as people write it. */
export function settingTexts(stored: Json | undefined): Record<SettingName, string> {
  const own: Readonly<Record<string, Json>> =
    stored !== null && typeof stored === "object" && !Array.isArray(stored) ? (stored as Record<string, Json>) : {};
  const names = Object.keys(SETTINGS) as SettingName[];
  return Object.fromEntries(
    names.map((name) => [name, typeof own[name] === "string" ? own[name] : SETTINGS[name].default]),
  ) as Record<SettingName, string>;
}
