/** `git heroku logs` */
import type { IncomingMessage } from "node:http";
import { pipeline } from "node:stream/promises";
import type { LogQuery } from "../../api/platform-client.ts";
import { AppError } from "../../core/error.ts";
import { formatLogText, type LogLine } from "../../core/log-line.ts";
import { APP_OPTIONS, type Command, type Context } from "../command.ts";
import { countOption } from "../parse-arguments.ts";
import type { Colour, Terminal } from "../terminal.ts";

const LINES_USUAL = 100;
const LINES_MAX = 1_000_000;

export const logs: Command = {
  name: "logs",
  topic: "Logs",
  summary: "Show what the processes and the platform wrote",
  details:
    "Lines are filtered first and counted then. `--ps web` means every web process, `--ps web.1` only that one. Sources are app and heroku.",
  options: [
    ...APP_OPTIONS,
    { name: "num", short: "n", value: "COUNT", summary: `how many lines (usually ${String(LINES_USUAL)})` },
    { name: "ps", short: "p", value: "PROCESS", summary: "only lines of this process or process type" },
    { name: "source", short: "s", value: "SOURCE", summary: "only lines of this source: app or heroku" },
    { name: "tail", short: "t", summary: "go on with new lines as they come" },
    { name: "json", summary: "print NDJSON, one object a line" },
  ],
  examples: [
    { command: "git heroku logs --tail", summary: "watch the app" },
    { command: "git heroku logs --source heroku --ps api", summary: "who changed what" },
    { command: "git heroku logs -n 1000 --json | jq .msg", summary: "for programs" },
  ],
  async run(context) {
    const { client, out, args } = context;
    const query: LogQuery = {
      lines: countOption(logs, args, { name: "num", usual: LINES_USUAL, max: LINES_MAX }),
      ps: args.value("ps"),
      source: args.value("source"),
      tail: args.has("tail"),
    };
    const app = context.app();
    if (query.tail && query.ps !== undefined) await hintAtProcesses(context, app, query);
    const stream = await client.logs(app, query);
    const printed = await whole(stream, args.has("json") ? printJson(stream, out) : printText(stream, out));
    if (query.tail) throw new AppError("unavailable", "The log stream ended: the platform stopped.");
    if (printed === 0) await hintAtProcesses(context, app, query);
    return undefined;
  },
};

/** @throws AppError unavailable when the stream broke off. */
async function whole(stream: IncomingMessage, printing: Promise<number>): Promise<number> {
  try {
    return await printing;
  } catch (error) {
    if (!stream.errored || (error as NodeJS.ErrnoException).code === "EPIPE") throw error;
    throw new AppError("unavailable", "The log stream broke off: the platform stopped.", { cause: error });
  }
}

async function printText(stream: IncomingMessage, out: Terminal): Promise<number> {
  let printed = 0;
  let rest = "";
  stream.setEncoding("utf8");
  for await (const chunk of stream as AsyncIterable<string>) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    const texts = lines.filter((line) => line !== "").map((line) => formatLine(line, out));
    printed += texts.length;
    for (const text of texts) await out.logLine(text);
  }
  return printed;
}

const COLOURS: readonly Colour[] = ["cyan", "yellow", "green", "magenta", "blue"];

/** One colour for each process type, the same in every run. A line that is not one of ours is shown as it is. */
function formatLine(json: string, out: Terminal): string {
  let line: LogLine;
  try {
    line = JSON.parse(json) as LogLine;
  } catch {
    return json;
  }
  const text = formatLogText(line);
  const head = text.length - line.msg.length;
  const seed = Array.from(line.ps.split(".")[0] ?? "").reduce((sum, character) => sum + character.charCodeAt(0), 0);
  return out.paint(text.slice(0, head - 1), COLOURS[seed % COLOURS.length] ?? "cyan") + text.slice(head - 1);
}

async function printJson(stream: IncomingMessage, out: Terminal): Promise<number> {
  const { default: ndjson } = await import("ndjson");
  let printed = 0;
  await pipeline(stream, ndjson.parse(), ndjson.stringify(), async (rows: AsyncIterable<Buffer>) => {
    for await (const row of rows) {
      printed += 1;
      await out.data(row.toString());
    }
  });
  return printed;
}

/** Nothing matched: perhaps the name was mistyped. */
async function hintAtProcesses({ client, out }: Context, app: string, { ps, source, tail }: LogQuery): Promise<void> {
  const names = await client.logProcesses(app);
  if (tail && (names.length === 0 || names.some((name) => name === ps || name.split(".")[0] === ps))) return;
  const filter = [ps === undefined ? "" : ` --ps ${ps}`, source === undefined ? "" : ` --source ${source}`].join("");
  out.warn(filter === "" ? `${app} has no log lines yet.` : `No log lines match${filter}.`);
  if (filter !== "" && names.length > 0) out.warn(`Processes with log lines: ${names.join(", ")}`);
}
