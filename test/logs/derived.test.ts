import { copyFile, readFile, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import * as assert from "uvu/assert";
import { formatLogLine } from "../../src/core/log-line.ts";
import type { LogStore } from "../../src/logs/log-store.ts";
import { BlockTable } from "../../src/logs/block-index.ts";
import { listSegments, segmentName } from "../../src/logs/segment-files.ts";
import { isCandidate, readCandidates, SignatureBuilder, SoughtRows } from "../../src/logs/signature.ts";
import { StoredLogs } from "../../src/logs/stored-logs.ts";
import { describe } from "../support/suite.ts";
import { linesOf, openStore, storedBytes } from "./open-store.ts";
import { answers, ask, CARED, copyOf, makeLog, untilFiles } from "./sealed-log.ts";

type Harm = (path: string) => Promise<unknown>;

const HARMS: Record<string, Harm> = {
  missing: (path) => rm(path),
  empty: (path) => truncate(path, 0),
  truncated: async (path) => truncate(path, Math.floor((await stat(path)).size * 0.6)),
  "filled with zeros": async (path) => writeFile(path, Buffer.alloc((await stat(path)).size)),
  "changed in its middle": async (path) => {
    const bytes = await readFile(path);
    bytes.fill(0x20, Math.floor(bytes.length / 3), bytes.length >> 1);
    await writeFile(path, bytes);
  },
};

async function untilDerived(dir: string): Promise<void> {
  await untilFiles(dir, (files) => {
    const sealed = files.filter((name) => name.endsWith(".ndjson")).length - 1;
    return [".grm", ".min"].every((ending) => files.filter((name) => name.endsWith(ending)).length >= sealed);
  });
}

async function derivedFiles(dir: string): Promise<string[]> {
  return (await readdir(join(dir, "logs"))).filter((name) => /\.(grm|min)$/.test(name)).sort();
}

/** Minute and facts of a line → lines. */
async function minutesOf(store: LogStore | StoredLogs, range = {}): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for await (const { minute, counts: cells } of store.countByMinute(range, new AbortController().signal))
    for (const { ps, source, release, level, lines } of cells) {
      const key = [minute, ps, source, release, level].join(" ");
      counts[key] = (counts[key] ?? 0) + lines;
    }
  return counts;
}

function countedByHand(ndjson: Buffer): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { ts, ps, source, release, level } of linesOf(ndjson)) {
    const key = [ts.slice(0, 16), ps, source, release, level].join(" ");
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

describe("what is derived from segments", (test) => {
  const log = test.shared(async (t) => {
    const made = await makeLog(t);
    const store = await openStore(t, made.dir, CARED);
    await untilDerived(made.dir);
    await store.close();
    return { ...made, minutes: countedByHand(made.whole) };
  });

  test("with it every answer is as without, and only the blocks that may have a text are read", async () => {
    const { dir, wanted, minutes } = await log();
    const logs = join(dir, "logs");
    const stored = await StoredLogs.open(logs);
    assert.equal(await answers(stored), wanted);
    assert.equal(await minutesOf(stored), minutes);
    const [segment = ""] = await listSegments(logs);
    const index = await readFile(join(logs, segment.replace("ndjson", "idx")));
    const blocks = BlockTable.decode(index, segment, 1e9);
    const candidates = await readCandidates(
      { dir: logs, segment, isReadOnly: true },
      blocks,
      new SoughtRows(Buffer.from("needle 4")),
    );
    assert.is(candidates?.known, blocks.length);
    const numbers = Array.from({ length: blocks.length }, (_, number) => number);
    assert.ok(numbers.filter((number) => isCandidate(candidates, number)).length <= 2, `of ${String(blocks.length)}`);
  });

  for (const [how, harm] of Object.entries(HARMS)) {
    test(`${how}: every answer is the same, and the next daemon makes it again`, async (t) => {
      const { wanted, minutes, ...rest } = await log();
      const dir = await copyOf(t, rest);
      const before = await derivedFiles(dir);
      const good = await Promise.all(before.map((name) => readFile(join(dir, "logs", name))));
      for (const name of before) await harm(join(dir, "logs", name));
      const found = await openStore(t, dir, { segmentBytes: 700_000 });
      assert.equal(await answers(found), wanted);
      assert.equal(await minutesOf(found), minutes);
      await found.close();
      const store = await openStore(t, dir, CARED);
      await untilSame(dir, before, good);
      await store.close();
    });
  }

  test("another segment's counts for nothing", async (t) => {
    const { wanted, minutes, ...rest } = await log();
    const dir = await copyOf(t, rest);
    const [first = "", second = ""] = (await listSegments(join(dir, "logs"))).map((name) => name.slice(0, -7));
    for (const ending of [".grm", ".min"])
      await copyFile(join(dir, "logs", second + ending), join(dir, "logs", first + ending));
    const stored = await StoredLogs.open(join(dir, "logs"));
    assert.equal(await answers(stored), wanted);
    assert.equal(await minutesOf(stored), minutes);
  });

  test("a segment that somebody edits is found as it is now; one that is deleted is gone, and all else stays", async (t) => {
    const { dir: original } = await log();
    const dir = await copyOf(t, { dir: original });
    const logs = join(dir, "logs");
    const [first = "", second = ""] = await listSegments(logs);
    const store = await openStore(t, dir, CARED);
    const edited = (await readFile(join(logs, first), "utf8"))
      .replace("line 70 ", "SECRET! ")
      .replace("web.0", "web.9");
    await writeFile(join(logs, first), edited);
    assert.match(await ask(store, { search: "SECRET!" }), /SECRET!/);
    assert.is(await ask(store, { search: "line 70 " }), "");
    assert.is((await ask(store, { ps: "web.9" })).split("\n").length, 2);
    assert.equal(await minutesOf(store), countedByHand(await storedBytes(dir)));
    await rm(join(logs, second));
    assert.is(await ask(store, {}), (await storedBytes(dir)).toString());
    assert.equal(await minutesOf(store), countedByHand(await storedBytes(dir)));
  });

  test("minutes of a range, and of what is still being written", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir);
    for (let n = 0; n < 20; n += 1)
      store.append({ ps: "web.1", source: "app", release: 3, msg: `level=warn ${String(n)}` });
    await store.flushed();
    const first = await minutesOf(store);
    store.append({ ps: "api", source: "heroku", msg: "one more" });
    await store.flushed();
    const second = await minutesOf(store);
    assert.is(
      Object.values(first).reduce((a, b) => a + b),
      20,
    );
    assert.equal(second, countedByHand(await storedBytes(dir)));
    const [ts = ""] = linesOf(await storedBytes(dir)).map((line) => line.ts);
    const us = Date.parse(ts) * 1000;
    assert.equal(await minutesOf(store, { untilUs: us - 60_000_000 }), {});
    assert.equal(Object.keys(await minutesOf(store, { sinceUs: us, untilUs: us + 1_000_000 })).length > 0, true);
  });

  test("whatever the text, a block that has it is a candidate", async (t) => {
    const dir = await t.tempDir();
    const segment = segmentName(1e15);
    const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { minLength: 1, maxLength: 30 }),
        fc.nat(),
        fc.nat(),
        async (msgs, which, from) => {
          const msg = msgs[which % msgs.length] ?? "";
          const escaped = Buffer.from(JSON.stringify(msg).slice(1, -1));
          const needle = escaped.subarray(from % escaped.length);
          const found = await candidatesOf(dir, segment, msgs, needle);
          assert.ok(found(which % msgs.length));
        },
      ),
      { numRuns: 40 },
    );
  });
});

/** Each message is a block of its own. */
async function candidatesOf(
  dir: string,
  segment: string,
  msgs: readonly string[],
  needle: Buffer,
): Promise<(number: number) => boolean> {
  const ts = "2011-06-19T08:35:19.123456Z";
  const builder = new SignatureBuilder(msgs.length);
  for (const msg of msgs) builder.add(Buffer.from(`${formatLogLine({ ts, ps: "web.1", source: "app", msg })}\n`));
  const facets = new Uint32Array(7);
  const records = msgs.map((_, number) => ({
    offset: number,
    bytes: 1,
    lines: 1,
    sum: 1,
    firstUs: 0,
    lastUs: 0,
    facets,
  }));
  const blocks = BlockTable.decode(Buffer.alloc(0), segment, 0).extended(records, segment);
  await writeFile(join(dir, segment.replace("ndjson", "grm")), builder.encode(segment, blocks));
  const rows = new SoughtRows(needle);
  const candidates = rows.isEmpty ? undefined : await readCandidates({ dir, segment, isReadOnly: true }, blocks, rows);
  if (!rows.isEmpty) assert.is(candidates?.known, msgs.length);
  return (number) => isCandidate(candidates, number);
}

/** Resolves when the files have these contents again. */
function untilSame(dir: string, names: readonly string[], contents: readonly Buffer[]): Promise<void> {
  return untilFiles(dir, async () => {
    const now = await Promise.all(names.map((name) => readFile(join(dir, "logs", name)).catch(() => undefined)));
    return now.every((bytes, number) => bytes?.equals(contents[number] ?? Buffer.alloc(0)));
  });
}
