/** `git heroku logs` */
import type { IncomingMessage } from "node:http";
import type { LogQuery } from "../../api/platform-client.ts";
import { AppError } from "../../core/error.ts";
import { findContradiction } from "../../core/log-request.ts";
import { APP_OPTIONS, type Arguments, type Command, type Context, type Option } from "../command.ts";
import { readJsonRows, readRows } from "../log-rows.ts";
import { paintLogLine } from "../log-text.ts";
import { countOption, usageError } from "../parse-arguments.ts";
import { Terminal } from "../terminal.ts";

const LINES_USUAL = 100;
const LINES_MAX = 1_000_000;
const CONTEXT_MAX = 100;

/** What picks lines: the same names as the parameters of the API. */
const FILTERS: readonly Option[] = [
  { name: "ps", short: "p", value: "PROCESS", summary: "only lines of this process or process type" },
  { name: "source", short: "s", value: "SOURCE", summary: "only lines of this source: app or heroku" },
  { name: "since", value: "TIME", summary: "from this time on" },
  { name: "until", value: "TIME", summary: "before this time" },
  { name: "around", value: "TIME", summary: "half of the lines before it, half from it on" },
  { name: "release", value: "vN", summary: "only lines of processes of this release" },
  { name: "level", value: "LEVEL", summary: "error, warning, info, debug; several with commas" },
  { name: "search", value: "TEXT", summary: "only lines with this text, as it stands" },
  { name: "regex", value: "PATTERN", summary: "only lines that match, as JavaScript has it" },
];

export const logs: Command = {
  name: "logs",
  topic: "Logs",
  summary: "Show what the processes and the platform wrote",
  details:
    'Lines are filtered first and counted then. `--ps web` means every web process, `--ps web.1` only that one. Sources are app and heroku. A TIME is 10m, "2 hours ago", "yesterday 14:00", 2011-06-19T08:35:19Z, or v74 for the moment at which v74 was made; without a zone it is in UTC, as the lines are. --tail waits for the platform while that is away. --trash reads the log of an app that was destroyed.',
  options: [
    ...APP_OPTIONS,
    {
      name: "num",
      short: "n",
      value: "COUNT",
      summary: `how many lines (usually ${String(LINES_USUAL)}, with --since all)`,
    },
    ...FILTERS,
    { name: "ignore-case", short: "i", summary: "a is A, for --search and --regex" },
    { name: "invert", short: "v", summary: "only lines that --search or --regex leaves out" },
    { name: "context", value: "COUNT", summary: "with lines of the same process around each" },
    { name: "tail", short: "t", summary: "go on with new lines as they come" },
    { name: "trash", summary: "of the last destroyed app of that name" },
    { name: "json", summary: "print NDJSON, one object a line" },
    { name: "no-color", summary: "no colours, also on a terminal" },
  ],
  examples: [
    { command: "git heroku logs --tail", summary: "watch the app" },
    { command: "git heroku logs --source heroku --ps api", summary: "who changed what" },
    { command: "git heroku logs --since 10m --level error", summary: "what went wrong lately" },
    { command: "git heroku logs --around v74 -n 20", summary: "when v74 came" },
    { command: 'git heroku logs --search "boom" --context 5', summary: "with its stack trace" },
    { command: "git heroku logs -n 1000 --json | jq .msg", summary: "for programs" },
  ],
  async run(given) {
    const context = withColours(given);
    const { client, args } = context;
    const query = readQuery(args);
    const app = context.app();
    const hint = (): Promise<void> => hintAtProcesses(context, app, query);
    if (query.tail && query.ps !== undefined) await hint();
    const isJson = args.has("json");
    const read = isJson ? readJsonRows : readRows;
    const print = (json: string): Promise<unknown> =>
      isJson ? context.out.data(`${json}\n`) : context.out.logLine(paintLogLine(json, context.out));
    if (query.tail) {
      const { followLogs } = await import("../follow-logs.ts");
      return followLogs({ context, app, query, read, print });
    }
    const stream = await client.logs(app, query);
    if ((await printAll(stream, read, print)) === 0) await hint();
    return undefined;
  },
};

function withColours(context: Context): Context {
  if (!context.args.has("no-color")) return context;
  const { stdout, stderr, env } = context.world;
  return { ...context, out: new Terminal(stdout, stderr, { ...env, NO_COLOR: "1" }) };
}

/** @throws AppError usage for options that contradict each other. */
function readQuery(args: Arguments): LogQuery {
  const problem = findContradiction(
    new Set(logs.options.map(({ name }) => name).filter((name) => args.has(name) || args.value(name) !== undefined)),
    "--",
  );
  if (problem !== undefined) throw usageError(logs, problem);
  for (const name of ["search", "regex"]) {
    if (args.value(name) === "") throw usageError(logs, `--${name} takes a text that is not empty`);
  }
  const count = (name: string, max: number): number | undefined =>
    args.value(name) === undefined ? undefined : countOption(logs, args, { name, usual: 0, max });
  return {
    lines: count("num", LINES_MAX),
    ...Object.fromEntries(FILTERS.map(({ name }) => [name, args.value(name)])),
    ignoreCase: args.has("ignore-case"),
    invert: args.has("invert"),
    context: count("context", CONTEXT_MAX),
    tail: args.has("tail"),
    trash: args.has("trash"),
    cursors: true,
  };
}

type Read = typeof readRows;

/** How many lines there were.
 *  @throws AppError unavailable when the stream broke off. */
async function printAll(
  stream: IncomingMessage,
  read: Read,
  print: (json: string) => Promise<unknown>,
): Promise<number> {
  let printed = 0;
  try {
    for await (const row of read(stream)) {
      if (row.kind !== "line") continue;
      printed += 1;
      await print(row.json);
    }
  } catch (error) {
    if (error instanceof AppError || !stream.errored || (error as NodeJS.ErrnoException).code === "EPIPE") throw error;
    throw new AppError("unavailable", "The log stream broke off: the platform stopped.", { cause: error });
  }
  return printed;
}

/** Nothing matched: perhaps the name was mistyped. */
async function hintAtProcesses({ client, out, args }: Context, app: string, query: LogQuery): Promise<void> {
  const names = await client.logProcesses(app, query.trash);
  const { ps, tail } = query;
  if (tail && (names.length === 0 || names.some((name) => name === ps || name.split(".")[0] === ps))) return;
  const filter = FILTERS.flatMap(({ name }) => {
    const value = args.value(name);
    return value === undefined ? [] : [` --${name} ${/^[\w.,:+-]+$/.test(value) ? value : JSON.stringify(value)}`];
  }).join("");
  out.warn(filter === "" ? `${app} has no log lines yet.` : `No log lines match${filter}.`);
  if (filter !== "" && names.length > 0) out.warn(`Processes with log lines: ${names.join(", ")}`);
}
