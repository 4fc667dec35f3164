/** The options that pick lines, for every command that reads a log: the same names as the parameters of the API. */
import type { LogQuery } from "../api/log-resources.ts";
import { AppError } from "../core/error.ts";
import { LOG_LEVELS, LOG_SOURCES } from "../core/log-line.ts";
import { findContradiction } from "../core/log-request.ts";
import type { Arguments, Command, Option } from "./command.ts";
import { usageError } from "./parse-arguments.ts";

export const RANGE_OPTIONS: readonly Option[] = [
  { name: "since", value: "TIME", summary: "from this time on" },
  { name: "until", value: "TIME", summary: "before this time" },
];
export const FILTER_OPTIONS: readonly Option[] = [
  {
    name: "ps",
    short: "p",
    value: "PROCESS",
    also: ["process-type", "d", "dyno-name", "dyno"],
    summary: "only lines of this process or process type",
  },
  {
    name: "source",
    short: "s",
    value: "SOURCE",
    completes: LOG_SOURCES,
    summary: "only lines of this source: app or heroku",
  },
  ...RANGE_OPTIONS,
  { name: "release", value: "vN", summary: "only lines of processes of this release" },
  { name: "level", value: "LEVEL", completes: LOG_LEVELS, summary: "error, warning, info, debug; several with commas" },
  { name: "search", value: "TEXT", summary: "only lines with this text, as it stands" },
  { name: "regex", value: "PATTERN", summary: "only lines that match, as JavaScript has it" },
];
export const TEXT_OPTIONS: readonly Option[] = [
  { name: "ignore-case", short: "i", summary: "a is A, for --search and --regex" },
  { name: "invert", short: "v", summary: "only lines that --search or --regex leaves out" },
];
export const WHICH_OPTIONS: readonly Option[] = [
  { name: "trash", summary: "of the last destroyed app of that name" },
  { name: "imported", value: "NAME", completes: "imports", summary: "of a log that logs:import has read" },
];

/** What a TIME may be, for the details of a command. */
export const TIME_WORDS =
  'A TIME is 10m, "2 hours ago", "yesterday 14:00", 2011-06-19T08:35:19Z, or v74 for the moment at which v74 was made; without a zone it is in UTC, as the lines are.';

/** @throws AppError usage for options that contradict each other or are empty, invalid_params for a source that there is not. */
export function readFilters(command: Command, args: Arguments): LogQuery {
  const given = command.options
    .map(({ name }) => name)
    .filter((name) => args.has(name) || args.value(name) !== undefined);
  const problem = findContradiction(new Set(given), "--");
  if (problem !== undefined) throw usageError(command, problem);
  const empty = given.find((name) => args.value(name) === "");
  if (empty !== undefined) throw usageError(command, `--${empty} takes a text that is not empty`);
  checkSource(args.value("source"));
  return {
    ...Object.fromEntries(FILTER_OPTIONS.map(({ name }) => [name, args.value(name)])),
    ignoreCase: args.has("ignore-case"),
    invert: args.has("invert"),
    trash: args.has("trash"),
    imported: args.value("imported"),
  };
}

function checkSource(source: string | undefined): void {
  if (source === undefined || LOG_SOURCES.some((known) => known === source)) return;
  throw new AppError("invalid_params", `${JSON.stringify(source.slice(0, 40))} is no source.`, {
    hint: `Sources are ${LOG_SOURCES.join(" and ")}; --ps picks the lines of a process.`,
  });
}

/** The filters of this run as they were given, for a message. */
export function filterWords(args: Arguments): string {
  return [...FILTER_OPTIONS, { name: "around" }, { name: "imported" }]
    .flatMap(({ name }) => {
      const value = args.value(name);
      return value === undefined ? [] : [` --${name} ${/^[\w.,:+-]+$/.test(value) ? value : JSON.stringify(value)}`];
    })
    .join("");
}
