import { spawnSync } from "node:child_process";
import { watch } from "node:fs";
import { cp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import * as assert from "uvu/assert";
import { CODECS, GZIP, usualCodec } from "../../src/logs/frames.ts";
import type { Frame } from "../../src/logs/frames.ts";
import type { LogQuery, LogStore, LogStoreOptions } from "../../src/logs/log-store.ts";
import { listSegments } from "../../src/logs/segment-files.ts";
import { StoredLogs } from "../../src/logs/stored-logs.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { openStore, storedBytes } from "./open-store.ts";

const FOREVER = Number.POSITIVE_INFINITY;
const KEPT = { bytesMax: FOREVER, ageMsMax: FOREVER };
const COLD: Partial<LogStoreOptions> = { segmentBytes: 700_000, careBytesMin: 1, retention: { ...KEPT, hotMs: 0 } };
const SUFFIX = usualCodec().suffix;
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
      while (hex.length < 400) hex += ((noise = Math.imul(noise, 0x5bd1e995) ^ (noise >>> 7)) >>> 0).toString(16);
      store.append({
        ps: `web.${String(n % 3)}`,
        source: "app",
        msg: `line ${String(batch * 50 + n)} ${hex} ${"=".repeat(400)}`,
      });
    }
    if (batch % 9 === 4) store.append({ ps: "rare.1", source: "app", msg: `needle ${String(batch % 5)}` });
    await store.flushed();
  }
  await store.close();
}

async function filesOf(dir: string): Promise<string[]> {
  return (await readdir(join(dir, "logs"))).filter((name) => /\.ndjson(\.gz|\.zst)?$/.test(name)).sort();
}

/** Resolves when all segments but the newest have their compressed form alone. */
async function untilCold(dir: string): Promise<void> {
  const isCold = async (): Promise<boolean> => (await filesOf(dir)).slice(0, -1).every((name) => name.endsWith(SUFFIX));
  await new Promise<void>((resolve) => {
    const look = async (): Promise<void> => {
      if (!(await isCold())) return;
      watcher.close();
      resolve();
    };
    const watcher = watch(join(dir, "logs"), () => void look());
    void look();
  });
}

async function ask(store: LogStore | StoredLogs, query: LogQuery): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of store.read(query, new AbortController().signal)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

async function answers(store: LogStore | StoredLogs): Promise<string[]> {
  const found: string[] = [];
  for (const query of QUESTIONS) found.push(await ask(store, query));
  return found;
}

/** A log of three segments, its lines, and what it answers while nothing is compressed. */
async function makeLog(t: TestContext): Promise<{ dir: string; whole: Buffer; wanted: string[] }> {
  const dir = await t.tempDir();
  await fill(t, dir);
  return { dir, whole: await storedBytes(dir), wanted: await answers(await StoredLogs.open(join(dir, "logs"))) };
}

/** One that a test may harm. */
async function copyOf(t: TestContext, log: { dir: string }): Promise<string> {
  const dir = await t.tempDir();
  await cp(log.dir, dir, { recursive: true, preserveTimestamps: true });
  return dir;
}

describe("cold segments", (test) => {
  const plainLog = test.shared(makeLog);
  const coldLog = test.shared(async (t) => {
    const log = await plainLog();
    const dir = await copyOf(t, log);
    const store = await openStore(t, dir, COLD);
    await untilCold(dir);
    await store.close();
    return { ...log, dir };
  });

  test("old segments are compressed while the log is open, and every answer stays", async (t) => {
    const log = await plainLog();
    const dir = await copyOf(t, log);
    assert.ok((await filesOf(dir)).length >= 3);
    const store = await openStore(t, dir, COLD);
    await untilCold(dir);
    assert.equal(await answers(store), log.wanted);
    store.append({ ps: "web.1", source: "app", msg: "and on" });
    await store.flushed();
    assert.match(await ask(store, { lines: 1 }), /"msg":"and on"/);
  });

  test("a place in a segment is the same before and after: a follower goes on", async (t) => {
    const { whole, ...log } = await coldLog();
    const dir = await copyOf(t, log);
    const store = await openStore(t, dir, COLD);
    const [segment = ""] = await listSegments(join(dir, "logs"));
    const offset = whole.indexOf(10, 300_000) + 1;
    const stop = new AbortController();
    const got: Buffer[] = [];
    let missing = whole.length - offset;
    for await (const { lines } of store.tail({ after: { segment, offset } }, stop.signal)) {
      got.push(lines);
      missing -= lines.length;
      if (missing <= 0) stop.abort();
    }
    assert.ok(Buffer.concat(got).equals(whole.subarray(offset)));
  });

  test("zcat and zstdcat read the file: the lines and nothing else", async () => {
    const { dir, whole } = await coldLog();
    const parts: Buffer[] = [];
    for (const file of await filesOf(dir)) {
      const path = join(dir, "logs", file);
      const isPlain = file.endsWith(".ndjson");
      const program = SUFFIX === ".gz" ? "zcat" : "zstdcat";
      parts.push(isPlain ? await readFile(path) : spawnSync(program, [path], { maxBuffer: 1e9 }).stdout);
    }
    assert.ok(Buffer.concat(parts).equals(whole));
  });

  test("a log of a destroyed app is read as it lies there", async () => {
    const log = await coldLog();
    assert.equal(await answers(await StoredLogs.open(join(log.dir, "logs"))), log.wanted);
  });

  const KILLED: Record<string, (logs: string, segment: string, compressed: Buffer) => Promise<unknown>> = {
    "while it was written": (logs, segment, bytes) =>
      writeFile(join(logs, `${segment}${SUFFIX}.tmp`), bytes.subarray(0, bytes.length / 2)),
    "before it had its name": (logs, segment, bytes) => writeFile(join(logs, `${segment}${SUFFIX}.tmp`), bytes),
    "before the plain form was gone": (logs, segment, bytes) => writeFile(join(logs, segment + SUFFIX), bytes),
    "and the compressed form is not whole": (logs, segment, bytes) =>
      writeFile(join(logs, segment + SUFFIX), bytes.subarray(0, bytes.length - 7000)),
    "behind it": async (logs, segment, bytes) => {
      await writeFile(join(logs, segment + SUFFIX), bytes);
      await rm(join(logs, segment));
    },
  };

  for (const [when, harm] of Object.entries(KILLED)) {
    test(`killed in the midst of it, ${when}: every answer is right, before and after`, async (t) => {
      const log = await plainLog();
      const cold = await coldLog();
      const dir = await copyOf(t, log);
      const logs = join(dir, "logs");
      const [segment = ""] = await listSegments(logs);
      await harm(logs, segment, await readFile(join(cold.dir, "logs", segment + SUFFIX)));
      assert.equal(await answers(await StoredLogs.open(logs)), log.wanted, "read only");
      const store = await openStore(t, dir, { segmentBytes: 700_000 });
      assert.equal(await answers(store), log.wanted, "opened again");
      await store.close();
      const left = (await readdir(logs)).filter((name) => name.startsWith(segment));
      assert.is(left.length, 1, left.join());
    });
  }

  test("without its newest segment, which somebody removed, the log goes on behind what is cold", async (t) => {
    const dir = await copyOf(t, await coldLog());
    const newest = (await listSegments(join(dir, "logs"))).at(-1) ?? "";
    await rm(join(dir, "logs", newest));
    const store = await openStore(t, dir, COLD);
    const before = await ask(store, {});
    store.append({ ps: "web.1", source: "app", msg: "behind" });
    await store.flushed();
    const after = await ask(store, {});
    assert.ok(after.startsWith(before));
    assert.match(after.slice(before.length), /^[^\n]*"msg":"behind"\}\n$/);
  });

  test("somebody's own gzip is read too; where a file is damaged its lines end, and the others stay", async (t) => {
    const log = await plainLog();
    const dir = await copyOf(t, log);
    const logs = join(dir, "logs");
    const [first = "", second = ""] = await listSegments(logs);
    const raw = await readFile(join(logs, first));
    await writeFile(join(logs, `${first}.gz`), gzipSync(raw));
    await rm(join(logs, first));
    const rest = await readFile(join(logs, second));
    assert.equal(await answers(await StoredLogs.open(logs)), log.wanted);
    const framed = await readFile(join((await coldLog()).dir, "logs", second + SUFFIX));
    framed.fill(0, 400, 600);
    if (SUFFIX === ".gz") assert.throws(() => gunzipSync(framed));
    await writeFile(join(logs, second + SUFFIX), framed);
    await rm(join(logs, second));
    const expected = [raw, log.whole.subarray(raw.length + rest.length)];
    assert.is(await ask(await StoredLogs.open(logs), {}), Buffer.concat(expected).toString());
  });

  test("retention counts what is on the disk", async (t) => {
    const dir = await copyOf(t, await coldLog());
    const logs = join(dir, "logs");
    const names = await listSegments(logs);
    // Room for all of it as it is, but not for what it was.
    const store = await openStore(t, dir, { ...COLD, retention: { ...KEPT, hotMs: 0, bytesMax: 1_900_000 } });
    await store.close();
    assert.equal(await listSegments(logs), names);
  });

  for (const codec of CODECS) {
    const missing = codec.isAvailable ? undefined : "Node ≥ 22.15";
    test.needing(missing, `the table of ${codec.suffix} names every frame, and no other segment takes it`, async () => {
      const raw = ["one\n", "two\n".repeat(1000), "three\n"].map((text) => Buffer.from(text));
      const { frames, file } = pack(codec, raw, "a");
      const bytes = codec.tableBytes(file.subarray(file.length - codec.tailBytes));
      const table = file.subarray(file.length - bytes);
      assert.equal(codec.decodeTable(table, file.length, "a"), frames);
      assert.is(codec.decodeTable(table, file.length + 1, "a"), undefined);
      if (codec === GZIP) assert.is(codec.decodeTable(table, file.length, "b"), undefined);
      const second = frames[1] as Frame;
      const frame = file.subarray(second.at, second.at + second.bytes);
      assert.equal(await codec.decompress(frame), raw[1]);
    });
  }
});

function pack(
  codec: (typeof CODECS)[number],
  raw: readonly Buffer[],
  segment: string,
): { frames: Frame[]; file: Buffer } {
  const frames: Frame[] = [];
  const parts: Buffer[] = [];
  let [at, rawAt] = [0, 0];
  for (const part of raw) {
    const bytes = codec.compress(part);
    frames.push({ at, bytes: bytes.length, rawAt, rawBytes: part.length });
    parts.push(bytes);
    at += bytes.length;
    rawAt += part.length;
  }
  return { frames, file: Buffer.concat([...parts, codec.encodeTable(frames, segment)]) };
}
