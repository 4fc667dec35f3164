/** `git heroku logs:export` */
import { resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { formatBytes } from "../../core/byte-size.ts";
import { APP_OPTIONS, type Command, type Context } from "../command.ts";
import { FILTER_OPTIONS, readFilters, TEXT_OPTIONS, TIME_WORDS, WHICH_OPTIONS } from "../log-filters.ts";
import { checkNewFile, writeNewFile } from "../new-file.ts";
import { ByteProgress } from "../progress.ts";
import { storedLines } from "../stored-lines.ts";

/** From the beginning: without a time the endpoint gives the newest lines alone. */
const BEGINNING = "1970-01-01";
const STAMP_AT = 7;
const STAMP_END = 26;

export const logsExport: Command = {
  name: "logs:export",
  topic: "Logs",
  summary: "Write log lines as they are stored, as NDJSON",
  details: `All lines that match, oldest first, byte for byte. A file whose name ends in .gz is compressed. ${TIME_WORDS}`,
  options: [
    ...APP_OPTIONS,
    ...FILTER_OPTIONS,
    ...TEXT_OPTIONS,
    ...WHICH_OPTIONS,
    { name: "output", short: "o", value: "FILE", summary: "where to write them, instead of standard output" },
    { name: "gzip", summary: "compress, whatever the name" },
    { name: "force", short: "f", summary: "replace a file that is there" },
  ],
  examples: [
    { command: "git heroku logs:export --since 1d > day.ndjson", summary: "for jq, lnav, DuckDB" },
    { command: "git heroku logs:export --release v74 -o v74.gz", summary: "what one release wrote" },
  ],
  async run(context) {
    const { args, world, out } = context;
    const query = readFilters(logsExport, args);
    const output = args.value("output");
    const isZipped = args.has("gzip") || output?.endsWith(".gz") === true;
    const lines = (): AsyncIterable<Buffer> =>
      exportLines(context, { ...query, since: query.since ?? BEGINNING, cursors: true });
    if (output === undefined || output === "-") {
      await write(lines(), isZipped, (bytes) => out.data(bytes));
      return undefined;
    }
    const target = { path: resolve(world.cwd, output), force: args.has("force") };
    await checkNewFile(target);
    const bytes = await writeNewFile(target, (file) => write(lines(), isZipped, (piece) => file.appendFile(piece)));
    return out.line(`Exporting the log of ${context.app()}... done, ${formatBytes(bytes)} in ${output}`);
  },
};

type Query = Parameters<Context["client"]["logs"]>[1];

async function* exportLines(context: Context, query: Query): AsyncGenerator<Buffer, void> {
  const app = context.app();
  const progress = new ByteProgress(context.out, `Exporting the log of ${app}...`);
  try {
    for await (const { lines } of storedLines(context, app, query)) {
      progress.add(lines.length, () => lines.toString("latin1", STAMP_AT, STAMP_END));
      yield lines;
    }
  } finally {
    progress.end();
  }
}

/** How many bytes were written. */
async function write(
  lines: AsyncIterable<Buffer>,
  isZipped: boolean,
  put: (bytes: Buffer) => Promise<unknown>,
): Promise<number> {
  let written = 0;
  const sink = async (pieces: AsyncIterable<Buffer>): Promise<void> => {
    for await (const piece of pieces) {
      await put(piece);
      written += piece.length;
    }
  };
  if (!isZipped) await sink(lines);
  else {
    const { createGzip } = await import("node:zlib");
    await pipeline(Readable.from(copies(lines)), createGzip(), sink);
  }
  return written;
}

/** They stay good. */
async function* copies(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  for await (const piece of pieces) yield Buffer.from(piece);
}
