/** Lines from elsewhere: whatever their order, form and number, and however their bytes arrive. */
import { readdir } from "node:fs/promises";
import fc from "fast-check";
import * as assert from "uvu/assert";
import { formatLogLine, formatLogText, formatStamp, type LogLine } from "../../src/core/log-line.ts";
import { importLine, LineCutter } from "../../src/logs/import-lines.ts";
import { ImportWriter } from "../../src/logs/import-writer.ts";
import { StoredLogs } from "../../src/logs/stored-logs.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { linesOf } from "./open-store.ts";

const BEGIN_US = Date.UTC(2011, 5, 20, 9) * 1000;

const line: fc.Arbitrary<LogLine> = fc.record(
  {
    ts: fc.nat(3_000_000).map((us) => formatStamp(BEGIN_US + us)),
    ps: fc.constantFrom("web.1", "run.7"),
    source: fc.constantFrom("app", "heroku"),
    release: fc.constantFrom(7, 74),
    msg: fc.constantFrom("", "x", "日本\u2028ünï", "\u0007 bell", 'said "x"\\n', "y".repeat(300)),
  },
  { requiredKeys: ["ts", "ps", "source", "msg"], noNullPrototype: true },
);

async function readBack(dir: string): Promise<LogLine[]> {
  const stored = await StoredLogs.open(dir);
  const pieces: Buffer[] = [];
  for await (const piece of stored.read({}, new AbortController().signal)) pieces.push(Buffer.from(piece));
  return linesOf(Buffer.concat(pieces));
}

async function importAll(
  t: TestContext,
  lines: readonly string[],
  limits: ConstructorParameters<typeof ImportWriter>[1],
): Promise<{ dir: string; writer: ImportWriter; rejected: number }> {
  const dir = await t.tempDir();
  const writer = new ImportWriter(dir, limits);
  let rejected = 0;
  for (const text of lines) {
    const imported = importLine(text);
    if (imported === undefined) rejected += 1;
    else await writer.add(imported);
  }
  await writer.finish();
  return { dir, writer, rejected };
}

describe("log import", (test) => {
  test("lines of any order are stored in that of their times, those of one time as they came", async (t) => {
    // Millions in small: so many pieces that they are merged twice, and several segments.
    const lines = fc.sample(line, { numRuns: 3000, seed: 7 });
    const { dir, writer } = await importAll(t, lines.map(formatLogLine), {
      pieceLength: 5_000,
      segmentBytes: 200_000,
    });
    const sorted = lines.toSorted((a, b) => (a.ts < b.ts ? -1 : a.ts > b.ts ? 1 : 0));
    assert.equal(await readBack(dir), sorted);
    assert.equal([writer.lines, writer.first, writer.last], [3000, sorted[0]?.ts, sorted.at(-1)?.ts]);
    const files = await readdir(dir);
    assert.ok(
      files.every((name) => /\.(ndjson|idx)$/.test(name)),
      files.join(),
    );
    assert.is(files.filter((name) => name.endsWith(".idx")).length, files.length / 2);
    assert.ok(files.length > 2);
  });

  test("a small one needs no second file", async (t) => {
    const lines = fc.sample(line, { numRuns: 50, seed: 8 });
    const { dir } = await importAll(t, lines.map(formatLogLine), {});
    assert.is((await readBack(dir)).length, 50);
    assert.is((await readdir(dir)).length, 2);
  });

  test("both forms, and nothing else", async (t) => {
    const stamp = "2011-06-20T09:00:00.000000Z";
    const texts = [
      `{"ts":"${stamp}","ps":"web.1","source":"app","release":74,"level":"error","msg":"one"}`,
      `{"msg":"keys in another order","source":"app", "ps":"we b/1","ts":"${stamp}","more":{"a":1},"level":"grave","release":-1}`,
      formatLogText({ ts: stamp, ps: "web.1", source: "app", msg: "[error] three" }),
      formatLogText({ ts: stamp, ps: "router", source: "heroku", msg: "at=error four" }),
      "nonsense",
      "{}",
      `{"ts":"yesterday","ps":"web.1","source":"app","msg":"x"}`,
      `{"ts":"${stamp}","ps":"web.1","source":"else","msg":"x"}`,
    ];
    const { dir, rejected } = await importAll(t, texts, {});
    assert.is(rejected, 4);
    assert.equal(await readBack(dir), [
      { ts: stamp, ps: "web.1", source: "app", release: 74, level: "error", msg: "one" },
      { ts: stamp, ps: "we_b_1", source: "app", msg: "keys in another order" },
      { ts: stamp, ps: "web.1", source: "app", level: "error", msg: "[error] three" },
      { ts: stamp, ps: "router", source: "heroku", msg: "at=error four" },
    ]);
  });

  test("a line in our own form stays as it is, every other one comes into it", () => {
    fc.assert(
      fc.property(line, fc.string({ unit: "binary" }), (stored, msg) => {
        const text = formatLogLine({ ...stored, msg });
        assert.equal(importLine(text), { ts: stored.ts, text: `${text}\n` });
        const loose = text.replace('"ps":', '"ps": ').replace(/\\t/g, "\\u0009");
        assert.equal(importLine(loose), { ts: stored.ts, text: `${text}\n` });
      }),
    );
    assert.is(importLine(`{"ts":"2011-13-20T09:00:00.000000Z","ps":"web.1","source":"app","msg":"x"}`), undefined);
  });

  test("bytes are cut into lines however they arrive", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("", "a", "日本", "x\r", "\u2028")),
        fc.integer({ min: 1, max: 9 }),
        (lines, size) => {
          const bytes = Buffer.from(lines.join("\n"));
          const cutter = new LineCutter();
          const cut: (string | undefined)[] = [];
          for (let at = 0; at < bytes.length; at += size) cut.push(...cutter.add(bytes.subarray(at, at + size)));
          cut.push(...cutter.end());
          const whole = lines.filter((text) => text !== "").map((text) => text.replace("\r", ""));
          assert.equal(cut, whole);
        },
      ),
    );
  });

  test("a line without an end takes no more memory than the longest line", () => {
    const cutter = new LineCutter();
    const piece = Buffer.alloc(64 * 1024, "x");
    for (let count = 0; count < 40; count += 1) assert.equal([...cutter.add(piece)], []);
    assert.equal([...cutter.add(Buffer.from("\nnext\n"))], [undefined, "next"]);
  });
});
