/** Logs from elsewhere, to be searched: each is a place of its own, `apps/<app>/imports/<name>/`, with segments like those
 *  of the app's stream, and never becomes a part of that. One appears when it is whole. */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { formatDate } from "../core/duration.ts";
import { AppError } from "../core/error.ts";
import { syncDirectory } from "../ledger/durable-file.ts";
import { importLine, LineCutter } from "../logs/import-lines.ts";
import { ImportWriter } from "../logs/import-writer.ts";
import { StoredLogs } from "../logs/stored-logs.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { exists } from "./home.ts";
import type { Platform } from "./platform.ts";

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const TEMPORARY = ".importing-";
const EXAMPLE_LENGTH = 120;

export interface LogImport {
  name: string;
  lines: number;
  /** That were no log lines and are left out. */
  rejected: number;
  /** The beginning of the first of them. */
  rejected_example: string | null;
  /** Stamps of the first and the last line. */
  first: string;
  last: string;
}

export interface LogImportItem {
  name: string;
  bytes: number;
  imported_at: string;
}

export interface ImportOrder {
  name: string;
  bytes: AsyncIterable<Buffer>;
  actor: Actor;
  /** Ends it; then there is nothing. */
  signal: AbortSignal;
}

const underWay = new Set<string>();

/** @throws AppError not_found */
export async function openImport(platform: Platform, app: App, name: string): Promise<StoredLogs> {
  const dir = directoryOf(platform, app, name);
  if (await exists(dir)) return StoredLogs.open(dir);
  const names = await importNames(platform, app);
  throw new AppError("not_found", `${app.name} has no imported log ${JSON.stringify(name)}.`, {
    hint: names.length === 0 ? "`git heroku logs:import FILE` makes one." : `There are ${names.join(", ")}.`,
  });
}

export async function listImports(platform: Platform, app: App): Promise<LogImportItem[]> {
  const names = await importNames(platform, app);
  return Promise.all(
    names.map(async (name) => {
      const dir = directoryOf(platform, app, name);
      const files = (await readdir(dir)).map((file) => stat(join(dir, file)));
      const bytes = (await Promise.all(files)).reduce((sum, { size }) => sum + size, 0);
      return { name, bytes, imported_at: formatDate((await stat(dir)).mtime.getTime()) };
    }),
  );
}

/** @throws AppError not_found */
export async function removeImport(platform: Platform, app: App, name: string, actor: Actor): Promise<void> {
  await openImport(platform, app, name);
  const parent = importsOf(platform, app);
  const gone = join(parent, `${TEMPORARY}${randomBytes(6).toString("hex")}`);
  await rename(directoryOf(platform, app, name), gone);
  await syncDirectory(parent);
  app.logChange(actor, `Remove imported log ${name}`);
  await rm(gone, { recursive: true, force: true });
}

/** @throws AppError conflict when there is one of the name, invalid_params when no line of it is a log line. */
export async function importLogs(
  platform: Platform,
  app: App,
  { name, bytes, actor, signal }: ImportOrder,
): Promise<LogImport> {
  const target = directoryOf(platform, app, name);
  if (await exists(target)) throw alreadyThere(name);
  const parent = importsOf(platform, app);
  await mkdir(parent, { recursive: true, mode: 0o700 });
  await removeUnfinished(parent);
  const temporary = join(parent, `${TEMPORARY}${randomBytes(6).toString("hex")}`);
  underWay.add(temporary);
  try {
    await mkdir(temporary, { mode: 0o700 });
    const result = await readInto(temporary, name, bytes, signal);
    await syncDirectory(temporary);
    await rename(temporary, target).catch((error: NodeJS.ErrnoException) => {
      throw error.code === "ENOTEMPTY" || error.code === "EEXIST" ? alreadyThere(name) : error;
    });
    await syncDirectory(parent);
    app.logChange(actor, `Import log ${name}`);
    return result;
  } finally {
    await rm(temporary, { recursive: true, force: true });
    underWay.delete(temporary);
  }
}

async function readInto(
  dir: string,
  name: string,
  bytes: AsyncIterable<Buffer>,
  signal: AbortSignal,
): Promise<LogImport> {
  const writer = new ImportWriter(dir);
  const cutter = new LineCutter();
  let rejected = 0;
  let example: string | null = null;
  const take = async (lines: Iterable<string | undefined>): Promise<void> => {
    for (const text of lines) {
      const line = text === undefined ? undefined : importLine(text);
      if (line !== undefined) await writer.add(line);
      else {
        rejected += 1;
        example ??= (text ?? "").slice(0, EXAMPLE_LENGTH);
      }
    }
  };
  for await (const chunk of unbroken(bytes)) {
    await take(cutter.add(chunk));
    if (signal.aborted) throw new AppError("unavailable", "The import was ended.");
  }
  await take(cutter.end());
  if (writer.lines === 0) throw noLines(example);
  await writer.finish();
  return { name, lines: writer.lines, rejected, rejected_example: example, first: writer.first, last: writer.last };
}

/** Whoever sends them may leave at any time. */
async function* unbroken(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* bytes;
  } catch (error) {
    throw new AppError("unavailable", "The lines broke off before their end; nothing was imported.", { cause: error });
  }
}

function noLines(example: string | null): AppError {
  const what = example === null ? "There is nothing to import." : `No line of it is a log line: ${example}`;
  return new AppError("invalid_params", what, {
    hint: "It takes NDJSON as logs --json and logs:export give it, or the text that heroku logs prints.",
  });
}

function alreadyThere(name: string): AppError {
  return new AppError("conflict", `There is an imported log ${JSON.stringify(name)} already.`, {
    hint: `Choose another with --name, or remove it: git heroku logs:imports:remove ${name}.`,
  });
}

/** @throws AppError invalid_params for what cannot be the name of one. */
function directoryOf(platform: Platform, app: App, name: string): string {
  if (NAME.test(name)) return join(importsOf(platform, app), name);
  throw new AppError("invalid_params", `${JSON.stringify(name.slice(0, 80))} cannot be the name of an imported log.`, {
    hint: "It has up to 64 letters, digits, dots, dashes and underscores, and begins with a letter or digit.",
  });
}

function importsOf(platform: Platform, app: App): string {
  return join(platform.home.app(app.name), "imports");
}

async function importNames(platform: Platform, app: App): Promise<string[]> {
  const names = await readdir(importsOf(platform, app)).catch(() => []);
  return names.filter((name) => NAME.test(name)).sort();
}

/** What a daemon that was killed has left. */
async function removeUnfinished(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const path = join(parent, name);
    if (name.startsWith(TEMPORARY) && !underWay.has(path)) await rm(path, { recursive: true, force: true });
  }
}
