import { copyFile, readFile, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import * as assert from "uvu/assert";
import type { LogLine } from "../../src/core/log-line.ts";
import { BlockTable, decodeRecords, encodeRecord } from "../../src/logs/block-index.ts";
import type { LogFilter, LogQuery, LogStore } from "../../src/logs/log-store.ts";
import { StoredLogs } from "../../src/logs/stored-logs.ts";
import { describe } from "../support/suite.ts";
import { linesOf, messagesOf, openStore, segmentsOf, storedBytes } from "./open-store.ts";

const SEGMENT_BYTES = 400_000;
const FILTERS: LogFilter[] = [
  {},
  { ps: "web" },
  { ps: "web.1" },
  { ps: "web.10" },
  { ps: "rare.7" },
  { ps: "rare" },
  { ps: "we" },
  { ps: "none.1" },
  { source: "heroku" },
  { source: "app" },
  { source: "her" },
  { ps: "api", source: "heroku" },
  { ps: "web.1", source: "heroku" },
];

/** Several segments of several blocks each. */
async function fill(store: LogStore): Promise<void> {
  const names = ["web.1", "web.10", "worker.1", "clock"];
  for (let batch = 0; batch < 12; batch += 1) {
    for (let index = 0; index < 300; index += 1) {
      const ps = names[index % names.length] ?? "";
      store.append({ ps, source: "app", release: 3, msg: `${String(batch)}.${String(index)} ${"x".repeat(120)}` });
    }
    if (batch % 7 === 2) store.append({ ps: "rare.7", source: "app", msg: `rare ${String(batch)}` });
    if (batch % 5 === 0) store.append({ ps: "api", source: "heroku", msg: `api ${String(batch)}` });
    if (batch % 5 === 0) store.append({ ps: "web.1", source: "heroku", msg: `state ${String(batch)}` });
    await store.flushed();
  }
}

/** What a filter means, said in another way. */
function expected(all: LogLine[], { ps, source }: LogFilter, lines: number): LogLine[] {
  return all
    .filter((line) => ps === undefined || line.ps === ps || line.ps.split(".")[0] === ps)
    .filter((line) => source === undefined || line.source === source)
    .slice(-lines);
}

async function checkAnswers(store: LogStore, all: LogLine[]): Promise<void> {
  for (const filter of FILTERS)
    for (const lines of [1, 100, 2500])
      assert.equal(linesOf(await store.query(filter, lines)), expected(all, filter, lines), JSON.stringify(filter));
}

async function indexFiles(dir: string): Promise<string[]> {
  return (await readdir(join(dir, "logs"))).filter((name) => name.endsWith(".idx")).sort();
}

type Harm = (dir: string, indexes: string[]) => Promise<void>;

/** The same harm to every index. */
function each(change: (path: string) => Promise<void>): Harm {
  return async (dir, indexes) => {
    for (const index of indexes) await change(join(dir, index));
  };
}

const segmentOfIndex = (name: string): string => name.replace(".idx", ".ndjson");

/** Bytes of the segment that its index tells of. */
async function coveredBy(logs: string, name: string): Promise<number> {
  return BlockTable.decode(await readFile(join(logs, name)), segmentOfIndex(name), SEGMENT_BYTES * 2).covered;
}

/** A CRC of the block, and one of the record that is begun with the name alone. */
async function toFirstForm(logs: string, name: string): Promise<void> {
  const segment = segmentOfIndex(name);
  const [index, lines] = [await readFile(join(logs, name)), await readFile(join(logs, segment))];
  for (let at = 0; at < index.length; at += 64) {
    const offset = index.readUInt32LE(at);
    index.writeUInt32LE(crc32(lines.subarray(offset, offset + index.readUInt32LE(at + 4))), at + 12);
    index.writeUInt32LE(crc32(index.subarray(at, at + 60), crc32(segment)), at + 60);
  }
  await writeFile(join(logs, name), index);
}

const HARMS: Record<string, Harm> = {
  missing: each((path) => rm(path)),
  empty: each((path) => truncate(path, 0)),
  truncated: each(async (path) => truncate(path, Math.max(0, (await stat(path)).size - 100))),
  "filled with noise": each(async (path) => writeFile(path, Buffer.alloc(640, 0x5a))),
  "changed in its facets": each(async (path) => {
    const index = await readFile(path);
    for (let at = 32; at < index.length; at += 64) index.fill(0, at, Math.min(index.length, at + 16));
    await writeFile(path, index);
  }),
  "another segment's": async (dir, indexes) => {
    const last = indexes.at(-1) ?? "";
    for (const index of indexes.slice(0, -1)) await copyFile(join(dir, last), join(dir, index));
  },
};

describe("log queries", (test) => {
  test("an empty log answers with nothing", async (t) => {
    const store = await openStore(t, await t.tempDir());
    assert.is((await store.query({ ps: "web" }, 100)).length, 0);
    assert.equal(await store.processNames(), []);
  });

  test("a line is found as soon as it is appended", async (t) => {
    const store = await openStore(t, await t.tempDir());
    store.append({ ps: "api", source: "heroku", msg: "Set maintenance mode on by kate@foobazco.com" });
    assert.equal(messagesOf(await store.query({ ps: "api", source: "heroku" }, 100)), [
      "Set maintenance mode on by kate@foobazco.com",
    ]);
  });

  test("the last N after filtering, across segments and blocks", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir, { segmentBytes: SEGMENT_BYTES });
    await fill(store);
    const all = linesOf(await storedBytes(dir));
    assert.is(all.length, 12 * 300 + 2 + 6);
    assert.ok((await segmentsOf(dir)).length >= 2);
    await checkAnswers(store, all);
    assert.is((await store.query({}, 0)).length, 0);
    assert.equal(await store.processNames(), ["api", "clock", "rare.7", "web.1", "web.10", "worker.1"]);
  });

  test("the newest lines are all there, however much that is", async (t) => {
    const dir = await t.tempDir();
    const tail = `"source":"app","msg":"${"x".repeat(64_000)}"}\n`;
    // Two segments, 71 MB together; every second line is another process's.
    for (const first of [0, 1]) {
      const stamps = Array.from(
        { length: 550 },
        (_, n) => `2026-11-26T0${String(first)}:00:00.${String(n).padStart(6, "0")}Z`,
      );
      const lines = stamps.map((ts, n) => `{"ts":"${ts}","ps":"web.${String((n % 2) + 1)}",${tail}`).join("");
      await writeFile(join(dir, `20261126T0${String(first)}0000.000000Z.ndjson`), lines);
    }
    const logs = await StoredLogs.open(dir);
    const ask = async (query: LogQuery): Promise<[number, string | undefined]> => {
      let [count, begin] = [0, undefined as string | undefined];
      for await (const piece of logs.read(query, new AbortController().signal)) {
        begin ??= piece.toString("latin1", 7, 34);
        for (let at = piece.indexOf(10); at !== -1; at = piece.indexOf(10, at + 1)) count += 1;
      }
      return [count, begin];
    };
    assert.equal(await ask({ lines: 1_090 }), [1_090, "2026-11-26T00:00:00.000010Z"]);
    assert.equal(await ask({ lines: 1_000_000, search: "xx" }), [1_100, "2026-11-26T00:00:00.000000Z"]);
    assert.equal(await ask({ lines: 540, ps: "web.2" }), [540, "2026-11-26T00:00:00.000021Z"]);
  });

  test("the index covers sealed segments, and its blocks are the segment's", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir, { segmentBytes: SEGMENT_BYTES });
    await fill(store);
    const [segment = ""] = await segmentsOf(dir);
    const [index = ""] = await indexFiles(dir);
    const { size } = await stat(join(dir, "logs", segment));
    const blocks = decodeRecords(await readFile(join(dir, "logs", index)), segment, size);
    assert.is(
      blocks.reduce((sum, block) => sum + block.bytes, 0),
      size,
    );
    assert.ok(blocks.length >= 3);
    for (const block of blocks.slice(0, -1)) assert.ok(block.bytes >= 65536);
    for (const block of blocks) assert.ok(block.lastUs >= block.firstUs);
  });

  for (const [how, harm] of Object.entries(HARMS)) {
    test(`the same answers with an index that is ${how}`, async (t) => {
      const dir = await t.tempDir();
      let store = await openStore(t, dir, { segmentBytes: SEGMENT_BYTES });
      await fill(store);
      const all = linesOf(await storedBytes(dir));
      await harm(join(dir, "logs"), await indexFiles(dir));
      await checkAnswers(store, all);
      await harm(join(dir, "logs"), await indexFiles(dir));
      await store.close();
      store = await openStore(t, dir, { segmentBytes: SEGMENT_BYTES });
      store.append({ ps: "api", source: "heroku", msg: "after the harm" });
      await store.flushed();
      await checkAnswers(store, linesOf(await storedBytes(dir)));
    });
  }

  test("a release is found by an index that says nothing of releases", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir, { segmentBytes: SEGMENT_BYTES });
    await fill(store);
    const ask = async (release: number): Promise<number> => linesOf(await store.query({ release }, 10_000)).length;
    assert.equal([await ask(3), await ask(2), await ask(4)], [12 * 300, 0, 0]);
    for (const name of await indexFiles(dir)) {
      const path = join(dir, "logs", name);
      const segment = segmentOfIndex(name);
      const blocks = decodeRecords(await readFile(path), segment, SEGMENT_BYTES * 2);
      for (const block of blocks) block.facets.fill(0, 4);
      await writeFile(path, Buffer.concat(blocks.map((block) => encodeRecord(block, segment))));
    }
    assert.equal([await ask(3), await ask(2), await ask(4)], [12 * 300, 0, 0]);
  });

  test("an index of the first form counts for nothing and is made again, as the answers stay", async (t) => {
    const dir = await t.tempDir();
    let store = await openStore(t, dir, { segmentBytes: SEGMENT_BYTES });
    await fill(store);
    await store.close();
    const all = linesOf(await storedBytes(dir));
    const names = await indexFiles(dir);
    const before = await Promise.all(names.map((name) => coveredBy(join(dir, "logs"), name)));
    for (const name of names) {
      await toFirstForm(join(dir, "logs"), name);
      assert.is(await coveredBy(join(dir, "logs"), name), 0);
    }
    store = await openStore(t, dir, { segmentBytes: SEGMENT_BYTES });
    await checkAnswers(store, all);
    await store.close();
    const after = await Promise.all(names.map((name) => coveredBy(join(dir, "logs"), name)));
    // The newest is divided into other blocks, since it is not finished.
    assert.equal(after.slice(0, -1), before.slice(0, -1));
    assert.ok((after.at(-1) ?? 0) > 0);
  });

  test("a sealed segment's missing index is written again", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir, { segmentBytes: SEGMENT_BYTES });
    await fill(store);
    const [first = ""] = await indexFiles(dir);
    const before = await readFile(join(dir, "logs", first));
    await rm(join(dir, "logs", first));
    await store.query({ ps: "none" }, 1);
    const after = await readFile(join(dir, "logs", first));
    const [segment = ""] = await segmentsOf(dir);
    const lines = (index: Buffer): number =>
      decodeRecords(index, segment, SEGMENT_BYTES * 2).reduce((sum, block) => sum + block.lines, 0);
    assert.is(lines(after), lines(before));
  });

  test("process names follow what is added", async (t) => {
    const store = await openStore(t, await t.tempDir(), { segmentBytes: 1000 });
    for (const ps of ["web.1", "web.2", "web.1"]) store.append({ ps, source: "app", msg: "x" });
    assert.equal(await store.processNames(), ["web.1", "web.2"]);
    store.append({ ps: "run.4821", source: "app", msg: "x" });
    assert.equal(await store.processNames(), ["run.4821", "web.1", "web.2"]);
  });

  test("process names are those of lines, whoever else asks at the same time", async (t) => {
    const store = await openStore(t, await t.tempDir(), {});
    for (let n = 0; n < 12_000; n += 1) {
      store.append({ ps: `web.${String((n % 5) + 1)}`, source: "app", msg: `"${"a b ".repeat(n % 40)}"` });
    }
    await store.flushed();
    const names = ["web.1", "web.2", "web.3", "web.4", "web.5"];
    const answers = await Promise.all([1, 2, 3, 4].map(() => store.processNames()));
    for (const answer of answers) assert.equal(answer, names);
    store.append({ ps: "last.1", source: "app", msg: "x" });
    assert.equal(await store.processNames(), ["last.1", ...names]);
  });
});
