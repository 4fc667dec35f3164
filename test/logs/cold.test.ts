import { spawnSync } from "node:child_process";
import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import * as assert from "uvu/assert";
import { CODECS, GZIP, usualCodec } from "../../src/logs/frames.ts";
import type { Frame } from "../../src/logs/frames.ts";
import type { LogStoreOptions } from "../../src/logs/log-store.ts";
import { bytesOf, listSegments } from "../../src/logs/segment-files.ts";
import { StoredLogs } from "../../src/logs/stored-logs.ts";
import { describe } from "../support/suite.ts";
import { openStore } from "./open-store.ts";
import { answers, ask, CARED, copyOf, filesOf, KEPT, makeLog, untilFiles } from "./sealed-log.ts";

const COLD: Partial<LogStoreOptions> = { ...CARED, retention: { ...KEPT, hotMs: 0 } };
const SUFFIX = usualCodec().suffix;

/** Resolves when all segments but the newest have their compressed form alone. */
function untilCold(dir: string): Promise<void> {
  return untilFiles(dir, (files) =>
    files
      .filter((name) => name.includes(".ndjson"))
      .slice(0, -1)
      .every((name) => name.endsWith(SUFFIX)),
  );
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

  test("what is new is compressed too when the log comes near its size, the oldest first and no more than needed", async (t) => {
    const log = await plainLog();
    const week = 7 * 86_400_000;
    for (const [hotMs, sizes, compressed] of [
      [week, 2.001, 0],
      [week, 1.999, 1],
      [week, 1.01, 2],
      [Number.POSITIVE_INFINITY, 1.01, 0],
    ] as const) {
      const dir = await copyOf(t, log);
      const logs = join(dir, "logs");
      const names = await listSegments(logs);
      const bytes = (await bytesOf(logs, names)).reduce((sum, size) => sum + size, 0);
      const store = await openStore(t, dir, { ...CARED, retention: { ...KEPT, hotMs, bytesMax: bytes * sizes } });
      await store.caredFor();
      assert.ok((await answers(store)).join() === log.wanted.join());
      await store.close();
      assert.equal(
        (await filesOf(dir)).map((name) => name.endsWith(SUFFIX)),
        names.map((_, number) => number < compressed),
      );
    }
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
