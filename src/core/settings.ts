/** Settings of an app: switches of the platform, kept in `settings.json` of refs/heroku/state and not in config vars.
 *  Every time limit is one, with Heroku's value as its default. Changing one makes no release. */
import { parseDuration } from "./duration.ts";
import { AppError } from "./error.ts";
import type { Json } from "./json.ts";

type Kind = "duration" | "switch" | "count" | "days" | "size";

interface Definition {
  readonly kind: Kind;
  /** As people write it: `60s`, `on`, `100`. */
  readonly default: string;
  readonly help: string;
}

export const SETTINGS = {
  "boot-timeout": {
    kind: "duration",
    default: "60s",
    help: "how long a web process may take to accept connections on $PORT (R10)",
  },
  "exit-timeout": { kind: "duration", default: "30s", help: "how long a process may take to exit after SIGTERM (R12)" },
  "log-days": { kind: "days", default: "off", help: "for how many days the log is kept; off: only log-size counts" },
  "log-size": { kind: "size", default: "2GB", help: "how large the log may grow before its oldest part is removed" },
  "max-per-type": { kind: "count", default: "100", help: "the largest quantity of one process type" },
  preboot: { kind: "switch", default: "on", help: "start new web processes before the old ones stop" },
  readonly: {
    kind: "switch",
    default: "off",
    help: "give processes the built code itself, read-only, instead of a copy that they may write to",
  },
  sandbox: { kind: "switch", default: "on", help: "shut each process in, where the machine can" },
} as const satisfies Record<string, Definition>;

export type SettingName = keyof typeof SETTINGS;

/** The settings in force. */
export interface Settings {
  bootTimeoutMs: number;
  exitTimeoutMs: number;
  /** Infinite when the log is not removed by age. */
  logAgeMsMax: number;
  logBytesMax: number;
  maxPerType: number;
  preboot: boolean;
  readOnly: boolean;
  sandbox: boolean;
}

/** Heroku's own limits end at minutes; a timer of the machine ends at 24 days, and would then fire at once. */
export const DURATION_MAX_MS = 3_600_000;

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

/** A duration or days in ms, a size in bytes, a count, or 1 and 0 for on and off; undefined when the text does not fit. */
function parseValue(kind: Kind, text: string): number | undefined {
  switch (kind) {
    case "duration":
      return parseSettingDuration(text);
    case "days":
      return parseDays(text);
    case "size":
      return parseSize(text);
    case "count":
      return /^[1-9]\d{0,4}$/.test(text) ? Number(text) : undefined;
    case "switch":
      return text === "on" ? 1 : text === "off" ? 0 : undefined;
  }
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
  return {
    bootTimeoutMs: read("boot-timeout"),
    exitTimeoutMs: read("exit-timeout"),
    logAgeMsMax: read("log-days"),
    logBytesMax: read("log-size"),
    maxPerType: read("max-per-type"),
    preboot: read("preboot") === 1,
    readOnly: read("readonly") === 1,
    sandbox: read("sandbox") === 1,
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
