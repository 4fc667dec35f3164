/** One line of an app's log: the NDJSON record that is stored and the text that people read (docs/formats.md, "Log line"). */
import { AppError } from "./error.ts";

export const LOG_SOURCES = ["app", "heroku"] as const;
export type LogSource = (typeof LOG_SOURCES)[number];

/** The levels that a line can state about itself, the gravest first. */
export const LOG_LEVELS: readonly string[] = ["error", "warning", "info", "debug"];

/** A line before it is stamped. */
export interface NewLogLine {
  /** `web.1`, `run.1`, `router`, `api`, `build` … */
  ps: string;
  source: LogSource;
  release?: number;
  level?: string;
  /** 1 on the later parts of a line that was cut. */
  cont?: number;
  /** One line, without its newline. */
  msg: string;
}

export interface LogLine extends NewLogLine {
  /** `2011-06-19T08:35:19.123456Z`: UTC with microseconds, always 27 characters. */
  ts: string;
}

/** `2011-06-19T08:35:19+00:00 heroku[web.1]: State changed from starting to up` */
export function formatLogText(line: LogLine): string {
  return `${line.ts.slice(0, 19)}+00:00 ${line.source}[${line.ps}]: ${line.msg}`;
}

/** The stored form, without its newline: keys in their fixed order, absent ones left out. */
export function formatLogLine(line: LogLine): string {
  const { ts, ps, source, release, level, cont, msg } = line;
  return JSON.stringify({ ts, ps, source, release, level, cont, msg });
}

/** Reads one stored line; keys it does not know are dropped.
 *  @throws AppError bad_request when the text is no log line. */
export function parseLogLine(text: string): LogLine {
  const value = parseObject(text);
  const { ts, ps, source, msg } = value;
  if (!isText(ts) || parseStamp(ts) === undefined || !isText(ps) || !isText(msg)) throw malformed(text);
  if (source !== "app" && source !== "heroku") throw malformed(text);
  const { release, level, cont } = value;
  return {
    ts,
    ps,
    source,
    ...(typeof release === "number" ? { release } : {}),
    ...(isText(level) ? { level } : {}),
    ...(typeof cont === "number" ? { cont } : {}),
    msg,
  };
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below, with the text in it.
  }
  throw malformed(text);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function malformed(text: string): AppError {
  return new AppError("bad_request", `Not a log line: ${JSON.stringify(text.slice(0, 80))}`);
}

/** Microseconds since the epoch → `2011-06-19T08:35:19.123456Z`. */
export function formatStamp(us: number): string {
  const ms = Math.floor(us / 1000);
  const rest = us - ms * 1000;
  return `${new Date(ms).toISOString().slice(0, 23)}${String(rest).padStart(3, "0")}Z`;
}

const STAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

/** The reverse of `formatStamp`; undefined when the text is no stamp. */
export function parseStamp(text: string): number | undefined {
  if (!STAMP.test(text)) return undefined;
  const ms = Date.parse(`${text.slice(0, 23)}Z`);
  return Number.isNaN(ms) ? undefined : ms * 1000 + Number(text.slice(23, 26));
}
