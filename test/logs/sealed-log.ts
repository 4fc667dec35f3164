/** A log of some sealed segments, and what is asked of it. */
import { watch } from "node:fs";
import { cp, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { LogQuery, LogStore, LogStoreOptions } from "../../src/logs/log-store.ts";
import { StoredLogs } from "../../src/logs/stored-logs.ts";
import type { TestContext } from "../support/suite.ts";
import { openStore, storedBytes } from "./open-store.ts";

const FOREVER = Number.POSITIVE_INFINITY;
export const KEPT = { bytesMax: FOREVER, ageMsMax: FOREVER };
/** Looks after every sealed segment. */
export const CARED: Partial<LogStoreOptions> = { segmentBytes: 700_000, careBytesMin: 1 };
const QUESTIONS: LogQuery[] = [
  {},
  { lines: 1 },
  { lines: 50, ps: "rare.1" },
  { search: "needle 3" },
  { lines: 10, search: "needle" },
  { ps: "web.2", search: "line 1", lines: 300 },
  { ps: "rare.1", context: 2, lines: 5 },
];

/** Lines of some segments, each of several frames: half of a line is noise, as it is in life. */
async function fill(t: TestContext, dir: string): Promise<void> {
  const store = await openStore(t, dir, { segmentBytes: 700_000 });
  let noise = 1;
  for (let batch = 0; batch < 45; batch += 1) {
    for (let n = 0; n < 50; n += 1) {
      let hex = "";
      while (hex.length < 100) hex += ((noise = Math.imul(noise, 0x5bd1e995) ^ (noise >>> 7)) >>> 0).toString(16);
      store.append({
        ps: `web.${String(n % 3)}`,
        source: "app",
        msg: `line ${String(batch * 50 + n)} ${hex} ${"=".repeat(700)}`,
      });
    }
    if (batch % 9 === 4) store.append({ ps: "rare.1", source: "app", msg: `needle ${String(batch % 5)}` });
    await store.flushed();
  }
  await store.close();
}

export async function filesOf(dir: string): Promise<string[]> {
  return (await readdir(join(dir, "logs"))).filter((name) => /\.ndjson(\.gz|\.zst)?$/.test(name)).sort();
}

/** Resolves when the files of the log are as they should be. */
export async function untilFiles(dir: string, isRight: (files: string[]) => boolean | Promise<boolean>): Promise<void> {
  const logs = join(dir, "logs");
  await new Promise<void>((resolve) => {
    const look = async (): Promise<void> => {
      // A look that was under way may come after the end.
      if (!(await isRight((await readdir(logs).catch((): string[] => [])).sort()))) return;
      watcher.close();
      resolve();
    };
    const watcher = watch(logs, () => void look());
    void look();
  });
}

export async function ask(store: LogStore | StoredLogs, query: LogQuery): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of store.read(query, new AbortController().signal)) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString();
}

export async function answers(store: LogStore | StoredLogs): Promise<string[]> {
  const found: string[] = [];
  for (const query of QUESTIONS) found.push(await ask(store, query));
  return found;
}

/** A log of three segments, its lines, and what it answers while nothing is compressed. */
export async function makeLog(t: TestContext): Promise<{ dir: string; whole: Buffer; wanted: string[] }> {
  const dir = await t.tempDir();
  await fill(t, dir);
  return { dir, whole: await storedBytes(dir), wanted: await answers(await StoredLogs.open(join(dir, "logs"))) };
}

/** One that a test may harm. */
export async function copyOf(t: TestContext, log: { dir: string }): Promise<string> {
  const dir = await t.tempDir();
  await cp(log.dir, dir, { recursive: true, preserveTimestamps: true });
  return dir;
}
