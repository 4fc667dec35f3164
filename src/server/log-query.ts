/** The parameters of /apps/A/logs → a query. Everything is checked before the first line is read. */
import { AppError } from "../core/error.ts";
import { findContradiction, parseLevels } from "../core/log-request.ts";
import { parseVersion } from "../core/release.ts";
import type { FastifyRequest } from "fastify";
import type { App } from "../platform/app.ts";
import type { Platform } from "../platform/platform.ts";
import type { TimeRange } from "../platform/analyse-logs.ts";
import { resolveTime, type LogQuery, type TailQuery, type WhichLog } from "../platform/read-logs.ts";
import { demandAdmin } from "./permit.ts";

/** All are texts, and each may be given once. */
export type LogParams = Partial<Record<LogParam, string>>;

export const LOG_PARAMS = {
  lines: "the newest so many of what matches: 100, or all when `since` is given; at most 1000000",
  ps: "`web.1`, or `web` for all of its type",
  source: "`app` or `heroku`",
  since: "a [time](#times): from it on",
  until: "a time: up to it",
  around: "a time: half of `lines` before it, half from it on; not with `since`, `until`, `context`, `tail`",
  release: "`v74` or `74`: what its processes wrote and what is said of them",
  level: "`error`, `warning` (`warn`), `info`, `debug`, separated by commas: what lines state of themselves",
  search: "a text of at most 1000 characters in the message, as it was printed",
  regex: "a regular expression of JavaScript, of at most 1000 characters; not with `search`",
  ignore_case: "`true`: for `search` the letters of ASCII, for `regex` its flag `i`",
  invert: "`true`: the lines that `search` or `regex` leaves out",
  context: "so many (at most 100) lines of the same process around each",
  tail: "`true`: the answer goes on with new lines until one side closes; not with `until`",
  after: "a [place in the stream](#places-in-the-stream)",
  cursors: "`true`: the stream tells its places",
  leaves_rest: "`true`: the [rest of a long answer](#the-rest-of-a-long-answer) may be left to the asker",
  trash: "`true`: the log of the app of this name that was destroyed last; not with `tail`",
  imported: "a log that was [imported](#imported-lines), by its name; not with `tail`, `trash`",
} as const;
type LogParam = keyof typeof LOG_PARAMS;

interface TextsSchema {
  type: "object";
  properties: Record<string, { type: "string"; description: string }>;
}

/** For a query of texts, each of which is described. */
export function schemaOf(params: Readonly<Record<string, string>>): TextsSchema {
  const fields = Object.entries(params).map(([name, description]) => [name, { type: "string", description }] as const);
  return { type: "object", properties: Object.fromEntries(fields) };
}

const NOT_FOR_COUNTS = new Set<string>(["lines", "around", "context", "tail", "after", "cursors", "leaves_rest"]);
export const COUNT_PARAMS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(LOG_PARAMS).filter(([name]) => !NOT_FOR_COUNTS.has(name)),
);

const LINES_DEFAULT = 100;
const LINES_MAX = 1_000_000;
const CONTEXT_MAX = 100;
const SEARCH_LENGTH_MAX = 1_000;
const PLACE = /^((?:\d{8}T\d{6}\.\d{6}Z\.ndjson)?):(\d{1,12})$/;

export interface ReadParams {
  query: LogQuery & TailQuery;
  isTail: boolean;
  /** Whether lines of their own tell places in the stream, and what went wrong. */
  tellsCursors: boolean;
  /** Whether the asker can read files, if they are of this machine. */
  leavesRest: boolean;
}

/** Which log is asked about; all but the live one end somewhere.
 *  @throws AppError invalid_params, or forbidden */
export function readWhich(request: FastifyRequest): WhichLog {
  const params = request.query as Pick<LogParams, "trash" | "imported">;
  const trash = isOn(params, "trash");
  // The app of that name may have been somebody else's.
  if (trash) demandAdmin(request);
  return { trash, imported: given(params.imported) };
}

/** @param app undefined for one that was destroyed.
 *  @throws AppError invalid_params, or not_found for a release that is not there. */
export async function readLogParams(platform: Platform, app: App | undefined, params: LogParams): Promise<ReadParams> {
  checkTogether(params);
  const query = { ...readFilter(params), ...(await readTimes(platform, app, params)) };
  return {
    query: {
      ...query,
      lines: readLines(params, query.sinceUs),
      context: readUpTo(params.context ?? "0", CONTEXT_MAX, "lines"),
    },
    isTail: isOn(params, "tail"),
    tellsCursors: isOn(params, "cursors"),
    leavesRest: isOn(params, "leaves_rest"),
  };
}

function checkTogether(params: LogParams): void {
  const given = new Set(Object.keys(params).filter((name) => isGiven(params, name as LogParam)));
  const problem = findContradiction(new Set([...given].map((name) => name.replaceAll("_", "-"))));
  if (problem !== undefined) throw new AppError("invalid_params", problem);
}

const SWITCHES = new Set<LogParam>(["ignore_case", "invert", "tail", "cursors", "leaves_rest", "trash"]);

/** An empty text, and a switch that is off, count as not given. */
function isGiven(params: LogParams, name: LogParam): boolean {
  return SWITCHES.has(name) ? isOn(params, name) : name === "context" ? params[name] !== "0" : params[name] !== "";
}

function isOn(params: LogParams, name: LogParam): boolean {
  const text = params[name] ?? "";
  if (text === "" || text === "true" || text === "false") return text === "true";
  throw new AppError("invalid_params", `${name} is true or false, not ${JSON.stringify(text.slice(0, 40))}.`);
}

function readFilter(params: LogParams): LogQuery & TailQuery {
  const { ps, source, release, level, search, regex, after } = params;
  if ((search?.length ?? 0) > SEARCH_LENGTH_MAX) {
    throw new AppError("invalid_params", `A text to search for has at most ${String(SEARCH_LENGTH_MAX)} characters.`);
  }
  return {
    ps: given(ps),
    source: given(source),
    release: given(release) === undefined ? undefined : parseVersion(release ?? ""),
    levels: given(level) === undefined ? undefined : parseLevels(level ?? ""),
    search: given(search),
    regex: given(regex),
    ignoreCase: isOn(params, "ignore_case"),
    invert: isOn(params, "invert"),
    after: given(after) === undefined ? undefined : parsePlace(after ?? ""),
  };
}

function given(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

async function readTimes(platform: Platform, app: App | undefined, params: LogParams): Promise<LogQuery> {
  const aroundUs =
    given(params.around) === undefined ? undefined : await resolveTime(platform, app, params.around ?? "");
  return { ...(await readRange(platform, app, params)), aroundUs };
}

/** @throws AppError invalid_params, or not_found for a release that is not there. */
export async function readRange(
  platform: Platform,
  app: App | undefined,
  { since, until }: Pick<LogParams, "since" | "until">,
): Promise<TimeRange> {
  const read = (text: string | undefined): Promise<number | undefined> =>
    given(text) === undefined ? Promise.resolve(undefined) : resolveTime(platform, app, text ?? "");
  const [sinceUs, untilUs] = [await read(since), await read(until)];
  if (sinceUs === undefined || untilUs === undefined || sinceUs <= untilUs) return { sinceUs, untilUs };
  throw new AppError("invalid_params", "since is later than until.", {
    hint: "Lines are shown from the one on, up to the other.",
  });
}

/** Who names a beginning wants all from there on. */
function readLines({ lines }: LogParams, sinceUs: number | undefined): number | undefined {
  if (lines === undefined) return sinceUs === undefined ? LINES_DEFAULT : undefined;
  return readUpTo(lines, LINES_MAX, "lines");
}

/** What is over the limit counts as the limit.
 *  @throws AppError invalid_params */
export function readUpTo(text: string, max: number, what: string): number {
  if (/^\d{1,9}$/.test(text)) return Math.min(Number(text), max);
  throw new AppError("invalid_params", `${JSON.stringify(text.slice(0, 20))} is not a number of ${what}.`);
}

/** `20110619T083519.123456Z.ndjson:4855`
 *  @throws AppError invalid_params */
export function parsePlace(text: string): { segment: string; offset: number } {
  const [, segment, offset] = PLACE.exec(text) ?? [];
  if (segment !== undefined && offset !== undefined) return { segment, offset: Number(offset) };
  throw new AppError("invalid_params", `${JSON.stringify(text.slice(0, 60))} is no place in a log.`, {
    hint: "With cursors=true the stream tells its places.",
  });
}
