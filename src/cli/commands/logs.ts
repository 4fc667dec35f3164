/** `git heroku logs` */
import type { FoundLines, LogQuery } from "../../api/log-resources.ts";
import { COLOUR } from "../../core/colour.ts";
import { APP_OPTIONS, type Arguments, type Command, type Context } from "../command.ts";
import { FILTER_OPTIONS, filterWords, readFilters, TEXT_OPTIONS, TIME_WORDS, WHICH_OPTIONS } from "../log-filters.ts";
import { formatLines, jsonLines } from "../log-text.ts";
import { countOption, usageError } from "../parse-arguments.ts";
import { storedLines } from "../stored-lines.ts";
import { Terminal } from "../terminal.ts";

const LINES_USUAL = 100;
const LINES_MAX = 1_000_000;
const CONTEXT_MAX = 100;

export const logs: Command = {
  name: "logs",
  topic: "Logs",
  summary: "Show what the processes and the platform wrote",
  details: `Lines are filtered first and counted then. \`--ps web\` means every web process, \`--ps web.1\` only that one. Sources are app and heroku. ${TIME_WORDS} --tail waits for the platform while that is away. --trash reads the log of an app that was destroyed, --imported one that came from elsewhere. On a terminal colours are kept and all else that would move it is shown, unless --raw is given.`,
  options: [
    ...APP_OPTIONS,
    {
      name: "num",
      short: "n",
      value: "COUNT",
      summary: `how many lines (usually ${String(LINES_USUAL)}, with --since all)`,
    },
    ...FILTER_OPTIONS,
    { name: "around", value: "TIME", summary: "half of the lines before it, half from it on" },
    ...TEXT_OPTIONS,
    { name: "context", value: "COUNT", summary: "with lines of the same process around each" },
    { name: "count", summary: "print how many lines there are" },
    { name: "tail", short: "t", summary: "go on with new lines as they come" },
    ...WHICH_OPTIONS,
    { name: "json", summary: "print NDJSON, one object a line" },
    { name: "no-color", summary: "no colours, also none of the processes' own" },
    { name: "force-colors", summary: "colours in a pipe and a file too" },
    { name: "raw", summary: "control characters as they are, on a terminal too" },
  ],
  examples: [
    { command: "git heroku logs --tail", summary: "watch the app" },
    { command: "git heroku logs --source heroku --ps api", summary: "who changed what" },
    { command: "git heroku logs --since 10m --level error", summary: "what went wrong lately" },
    { command: "git heroku logs --around v74 -n 20", summary: "when v74 came" },
    { command: 'git heroku logs --search "boom" --context 5', summary: "with its stack trace" },
    { command: 'git heroku logs --since 1h --search "boom" --count', summary: "how often" },
    { command: "git heroku logs -n 1000 --json | jq .msg", summary: "for programs" },
  ],
  async run(given) {
    const context = withColours(given);
    const { args } = context;
    const query = readQuery(args);
    const app = context.app();
    const hint = (): Promise<void> => hintAtProcesses(context, app, query);
    if (query.tail === true && query.ps !== undefined) await hint();
    if (args.has("count")) return printCount(context, app, query);
    const print = printer(context);
    if (query.tail === true) {
      const { followLogs } = await import("../follow-logs.ts");
      return followLogs({ context, app, query, print });
    }
    let isEmpty = true;
    for await (const found of storedLines(context, app, query)) {
      isEmpty = false;
      await print(found);
    }
    if (isEmpty) await hint();
    return undefined;
  },
};

function printer({ out, args }: Context): (found: FoundLines) => Promise<unknown> {
  if (args.has("json")) return async ({ lines, areOurs }) => out.data(areOurs ? lines : await jsonLines(lines));
  const text = (lines: Buffer): string => formatLines(lines, out);
  if (args.has("raw")) return ({ lines }) => out.data(text(lines));
  // In a pipe too, where else all is as it was printed.
  if (args.has("no-color")) return ({ lines }) => out.write(text(lines).replace(COLOUR, ""));
  return ({ lines }) => out.write(text(lines));
}

async function printCount({ client, args, out }: Context, app: string, query: LogQuery): Promise<undefined> {
  const answer = await client.logCount(app, { ...query, cursors: false });
  await out.data(`${args.has("json") ? JSON.stringify(answer) : String(answer.count)}\n`);
}

/** @throws AppError usage for both. */
function withColours(context: Context): Context {
  const { args, world } = context;
  if (!args.has("force-colors")) return args.has("no-color") ? { ...context, out: Terminal.plain(world) } : context;
  if (args.has("no-color")) throw usageError(logs, "--no-color and --force-colors cannot be used together");
  return { ...context, out: Terminal.coloured(world) };
}

/** @throws AppError usage for options that contradict each other. */
function readQuery(args: Arguments): LogQuery {
  const count = (name: string, max: number, min = 1): number | undefined =>
    args.value(name) === undefined ? undefined : countOption(logs, args, { name, usual: 0, min, max });
  return {
    ...readFilters(logs, args),
    around: args.value("around"),
    lines: count("num", LINES_MAX, args.has("tail") ? 0 : 1),
    context: count("context", CONTEXT_MAX),
    tail: args.has("tail"),
    cursors: true,
  };
}

/** Nothing matched: perhaps the name was mistyped. */
async function hintAtProcesses({ client, out, args }: Context, app: string, query: LogQuery): Promise<void> {
  const { ps, tail, trash = false, imported } = query;
  const names = await client.logProcesses(app, { trash, imported });
  if (tail === true && (names.length === 0 || names.some((name) => name === ps || name.split(".")[0] === ps))) return;
  const filter = filterWords(args);
  out.warn(filter === "" ? `${app} has no log lines yet.` : `No log lines match${filter}.`);
  if (filter !== "" && names.length > 0) out.warn(`Processes with log lines: ${names.join(", ")}`);
}
