/** `git heroku logs:import` */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { Readable } from "node:stream";
import type { LogImportResult } from "../../api/log-resources.ts";
import { AppError } from "../../core/error.ts";
import { APP_OPTIONS, JSON_OPTION, type Command, type Context } from "../command.ts";
import { ByteProgress } from "../progress.ts";

const NEWLINE = 10;
const NAME_MAX = 64;

export const logsImport: Command = {
  name: "logs:import",
  topic: "Logs",
  summary: "Read log files from elsewhere, to search them here",
  details:
    "It takes NDJSON as logs:export and logs:archive give it, and the text that `heroku logs` prints; compressed with gzip too; - is standard input. The lines get a place of their own, in the order of their times, and never become a part of the app's stream: `git heroku logs --imported NAME` asks them, with every filter, as logs:stats and logs:errors do. The name is that of the first file unless --name gives one.",
  parameters: "<file...>",
  options: [...APP_OPTIONS, { name: "name", value: "NAME", summary: "what it is called here" }, JSON_OPTION],
  examples: [
    { command: "git heroku logs:import old.ndjson.gz", summary: "for logs --imported old" },
    { command: "heroku logs | git heroku logs:import - --name h", summary: "what Heroku has" },
  ],
  async run(context) {
    const { args, client, out } = context;
    const app = context.app();
    const name = args.value("name") ?? nameOf(args.words[0] ?? "");
    // Wakes the platform: what is read from a pipe can be sent only once.
    const there = await client.logImports(app);
    if (there.some((item) => item.name === name)) throw alreadyThere(name);
    for (const word of args.words) await checkFile(context, word);
    const progress = new ByteProgress(out, `Importing ${name}...`);
    const lines = Readable.from(readAll(context, progress), { objectMode: false });
    const result = await client.importLogs(app, name, lines).finally(() => progress.end());
    if (args.has("json")) return out.json(result);
    await out.line(`Importing ${name}... done, ${countLines(result.lines)} from ${result.first} to ${result.last}`);
    if (result.rejected > 0) out.warn(rejectedWords(result));
    return out.line(`Search it with: git heroku logs --imported ${name}`);
  },
};

/** `logs/old-1.ndjson.gz` → `old-1` */
function nameOf(file: string): string {
  const base = basename(file).replace(/(\.(ndjson|json|log|txt|gz))+$/i, "");
  return (
    base
      .replace(/^[^A-Za-z0-9]+/, "")
      .replace(/[^A-Za-z0-9._-]/g, "-")
      .slice(0, NAME_MAX) || "imported"
  );
}

function alreadyThere(name: string): AppError {
  return new AppError("conflict", `There is an imported log ${JSON.stringify(name)} already.`, {
    hint: `Choose another name with --name, or remove it: git heroku logs:imports:remove ${name}.`,
  });
}

/** @throws AppError invalid_params for what cannot be read. */
async function checkFile({ world }: Context, word: string): Promise<void> {
  if (word === "-") return;
  const found = await stat(resolve(world.cwd, word)).catch(() => undefined);
  if (found !== undefined && !found.isDirectory()) return;
  throw new AppError("invalid_params", `${word} is no file that can be read.`, {
    hint: "Name files, such as /backup/logs/foobaz/*.ndjson, or - for standard input.",
  });
}

/** All files behind each other, each ending with a line. */
async function* readAll({ args, world }: Context, progress: ByteProgress): AsyncGenerator<Buffer> {
  for (const word of args.words) {
    const raw = word === "-" ? asBytes(world.stdin) : createReadStream(resolve(world.cwd, word));
    let last = NEWLINE;
    for await (const piece of await plain(raw)) {
      progress.add(piece.length);
      last = piece.at(-1) ?? last;
      yield piece;
    }
    if (last !== NEWLINE) yield Buffer.from("\n");
  }
}

async function* asBytes(input: AsyncIterable<string | Buffer>): AsyncGenerator<Buffer> {
  for await (const piece of input) yield typeof piece === "string" ? Buffer.from(piece) : piece;
}

/** Decompressed when it begins as gzip does, whatever its name. */
async function plain(raw: AsyncIterable<Buffer>): Promise<AsyncIterable<Buffer>> {
  const pieces = raw[Symbol.asyncIterator]();
  let start: Buffer = Buffer.alloc(0);
  while (start.length < 2) {
    const next = await pieces.next();
    if (next.done === true) break;
    start = Buffer.concat([start, next.value]);
  }
  const whole = rejoin(start, pieces);
  if (start[0] !== 0x1f || start[1] !== 0x8b) return whole;
  const { createGunzip } = await import("node:zlib");
  const gunzip = createGunzip();
  const source = Readable.from(whole).on("error", (error) => gunzip.destroy(error));
  gunzip.on("close", () => source.destroy());
  return readable(source.pipe(gunzip));
}

async function* rejoin(start: Buffer, pieces: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (start.length > 0) yield start;
  yield* { [Symbol.asyncIterator]: () => pieces };
}

/** @throws AppError invalid_params for a file that was cut or is broken. */
async function* readable(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* pieces;
  } catch (error) {
    throw new AppError("invalid_params", "A compressed file is broken or was cut.", { cause: error });
  }
}

function rejectedWords({ rejected, rejected_example: example }: LogImportResult): string {
  const what = rejected === 1 ? "1 line is no log line and was" : `${String(rejected)} lines are no log lines and were`;
  return `${what} left out, such as: ${example ?? ""}`;
}

function countLines(count: number): string {
  return count === 1 ? "1 line" : `${String(count)} lines`;
}
