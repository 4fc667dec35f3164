/** What the processes of one type may use: memory, open files, processes. Kept in `limits.json` of refs/heroku/state
 *  (docs/formats.md, "State"); a type or a limit that is not there is not limited. */
import { AppError } from "./error.ts";
import { isJsonObject, type Json } from "./json.ts";

export interface Limits {
  /** Bytes that a process and its descendants may use together. */
  readonly memoryBytes?: number;
  /** Open files of each process. */
  readonly openFiles?: number;
  /** Processes and threads. */
  readonly processes?: number;
}

export type LimitsByType = ReadonlyMap<string, Limits>;

/** The limits' names on disk and in commands. */
export const LIMIT_NAMES = ["memory", "open-files", "processes"] as const;
export type LimitName = (typeof LIMIT_NAMES)[number];

/** Limit → its field on the wire. */
export const LIMIT_FIELDS = { memory: "memory", "open-files": "open_files", processes: "processes" } as const;

/** Limit → as people write it, or null for none. */
export type LimitTexts = Readonly<Partial<Record<LimitName, string | null>>>;

const MEBIBYTE = 1024 * 1024;
const SIZE = /^([1-9]\d{0,5})(MB|GB)$/;
const COUNT = /^[1-9]\d{0,6}$/;
/** Below these no program starts. */
const OPEN_FILES_MIN = 16;
const MEMORY_MIN_BYTES = 4 * MEBIBYTE;

/** Heroku's megabyte is 1024 × 1024 bytes. */
function parseMemory(text: string): number | undefined {
  const [, number, unit] = SIZE.exec(text) ?? [];
  const bytes = Number(number) * (unit === "GB" ? 1024 * MEBIBYTE : MEBIBYTE);
  return bytes >= MEMORY_MIN_BYTES ? bytes : undefined;
}

function parseLimit(name: LimitName, text: string): number | undefined {
  if (name === "memory") return parseMemory(text);
  const count = COUNT.test(text) ? Number(text) : undefined;
  return name === "open-files" && (count ?? 0) < OPEN_FILES_MIN ? undefined : count;
}

const FORMS: Readonly<Record<LimitName, string>> = {
  memory: "Write it like 512MB or 2GB, at least 4MB; `none` removes the limit.",
  "open-files": "Write a whole number, at least 16; `none` removes the limit.",
  processes: "Write a whole number; `none` removes the limit.",
};

/** @throws AppError invalid_params when the text does not fit. */
export function checkLimit(name: LimitName, text: string): void {
  if (parseLimit(name, text) !== undefined) return;
  throw new AppError("invalid_params", `${JSON.stringify(text.slice(0, 40))} does not fit the limit ${name}.`, {
    hint: FORMS[name],
  });
}

/** Process type → limits as people write them; what does not fit counts as not there. */
export function limitTexts(stored: Json | undefined): Map<string, LimitTexts> {
  const texts = new Map<string, LimitTexts>();
  for (const [type, limits] of Object.entries(record(stored))) {
    const own = record(limits);
    const fitting = LIMIT_NAMES.flatMap((name) => {
      const text = own[name];
      return typeof text === "string" && parseLimit(name, text) !== undefined ? [[name, text] as const] : [];
    });
    if (fitting.length > 0) texts.set(type, Object.fromEntries(fitting));
  }
  return texts;
}

export function readLimits(stored: Json | undefined): LimitsByType {
  const limits = [...limitTexts(stored)].map(([type, texts]) => {
    const [memoryBytes, openFiles, processes] = LIMIT_NAMES.map((name) => parseLimit(name, texts[name] ?? ""));
    return [
      type,
      {
        ...(memoryBytes === undefined ? {} : { memoryBytes }),
        ...(openFiles === undefined ? {} : { openFiles }),
        ...(processes === undefined ? {} : { processes }),
      },
    ] as const;
  });
  return new Map(limits);
}

/** The file after a change of one type; everything else in it stays. */
export function changeLimits(stored: Json | undefined, type: string, change: LimitTexts): Json {
  const own: Readonly<Record<string, Json>> = { ...record(record(stored)[type]), ...change };
  const left = Object.fromEntries(Object.entries(own).filter(([, text]) => text !== null));
  // `__proto__` may be the name of a type.
  const entries = Object.entries(record(stored)).filter(([name]) => name !== type);
  return Object.fromEntries(Object.keys(left).length === 0 ? entries : [...entries, [type, left]]);
}

function record(value: Json | undefined): Readonly<Record<string, Json>> {
  return isJsonObject(value) ? value : {};
}

/** `mem=1028M(200.8%)`, as Heroku's log has it. */
export function describeMemory(bytes: number, quotaBytes: number): string {
  const percent = (100 * bytes) / quotaBytes;
  return `mem=${String(Math.round(bytes / MEBIBYTE))}M(${percent.toFixed(1)}%)`;
}

/** `512MB`, in whole megabytes of 1024 × 1024 bytes. */
export function formatMemory(bytes: number): string {
  return `${String(Math.round(bytes / MEBIBYTE))}MB`;
}
