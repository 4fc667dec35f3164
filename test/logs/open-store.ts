/** A log store in a directory of the test, and what tests ask of it. */
import { appendFile, readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { parseLogLine } from "../../src/core/log-line.ts";
import type { LogLine } from "../../src/core/log-line.ts";
import { LogStore } from "../../src/logs/log-store.ts";
import type { LogStoreOptions, TailQuery } from "../../src/logs/log-store.ts";
import type { TestContext } from "../support/suite.ts";
import { realClock } from "./real-clock.ts";

export async function openStore(
  t: TestContext,
  dir: string,
  options: Partial<LogStoreOptions> = {},
): Promise<LogStore> {
  const store = await LogStore.open({ dir: join(dir, "logs"), clock: realClock, ...options });
  t.after(() => store.close());
  return store;
}

/** The lines of a tail, without its places and without pieces that are empty. */
export async function* tailLines(
  store: LogStore,
  query: TailQuery,
  lines: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  for await (const piece of store.tail({ ...query, lines }, signal)) if (piece.lines.length > 0) yield piece.lines;
}

export function linesOf(ndjson: Buffer): LogLine[] {
  return textLines(ndjson).map((line) => parseLogLine(line));
}

export function messagesOf(ndjson: Buffer): string[] {
  return linesOf(ndjson).map((line) => line.msg);
}

export function textLines(ndjson: Buffer): string[] {
  const lines = ndjson.toString("utf8").split("\n");
  if (lines.pop() !== "") throw new Error("The last line has no newline.");
  return lines;
}

export async function segmentsOf(dir: string): Promise<string[]> {
  return (await readdir(join(dir, "logs"))).filter((name) => name.endsWith(".ndjson")).sort();
}

/** Everything stored, in order. */
export async function storedBytes(dir: string): Promise<Buffer> {
  const parts = await Promise.all((await segmentsOf(dir)).map((name) => readFile(join(dir, "logs", name))));
  return Buffer.concat(parts);
}

/** Writes raw output of a process whose id is also the name of its spool. */
export async function writeSpool(dir: string, id: string, raw: string | Uint8Array): Promise<string> {
  const path = join(dir, id);
  await appendFile(path, raw);
  return path;
}

/** Stores raw output as that of `web.1` and returns the lines. */
export async function storeRaw(store: LogStore, dir: string, raw: string | Uint8Array): Promise<LogLine[]> {
  const before = (await store.query({}, 1_000_000)).length;
  const path = await writeSpool(dir, "raw", raw);
  store.attach({ id: "raw", path, ps: "web.1", release: 74 });
  await store.finish("raw");
  return linesOf((await store.query({}, 1_000_000)).subarray(before));
}
