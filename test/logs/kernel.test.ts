import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import fc from "fast-check";
import { adler32, joinAdler32, plainAdler32 } from "../../src/logs/adler.ts";
import { formatStamp, parseLogLine } from "../../src/core/log-line.ts";
import { BulkEncoder } from "../../src/logs/bulk-encoder.ts";
import { ByteSink } from "../../src/logs/byte-sink.ts";
import { KERNEL_SOURCE_SHA256 } from "../../src/logs/kernel-code.ts";
import { countInThreads } from "../../src/logs/count-threads.ts";
import { encodeRun, type EncodedRun } from "../../src/logs/line-encoder.ts";
import { LineHeads } from "../../src/logs/line-head.ts";
import { LineMatcher, type HeadFilter } from "../../src/logs/line-matcher.ts";
import { borrowKernel, LogKernel, PICK_BYTES_MAX, returnKernel } from "../../src/logs/log-kernel.ts";
import { PartScanner } from "../../src/logs/raw-parts.ts";
import { TextSearch } from "../../src/logs/text-search.ts";
import { zlibAdler32 } from "../support/adler.ts";
import { rejects } from "../support/assert.ts";
import { describe } from "../support/suite.ts";

const US = 1_795_450_939_123_456;

/** What lines that state a level are made of, and what only looks like it. */
const WORD = fc.constantFrom(
  ..."error ERROR Error fatal FATAL warn WARN Warning WARNING info INFO debug DEBUG informed errors warnin infö _info info_ ERRORS".split(
    " ",
  ),
);
const KEY = fc.constantFrom(..."level lvl severity loglevel LEVEL Level sublevel xlvl".split(" "));
const MARK = fc.constantFrom(
  ..."= : \" ' [ ] ( ) < > | - , { } \\ \t \r \v \b \u0001 \u001b[31m \u00a0 \u3000 é 9 2026-11-20T08:35:19 1.2s".split(
    " ",
  ),
  " ",
  " ",
  '{"level":',
  ',"level":',
  "50",
  "30,",
  "20}",
  '":"',
  "",
);
const LINE = fc
  .array(fc.oneof({ weight: 2, arbitrary: WORD }, KEY, { weight: 4, arbitrary: MARK }, fc.string({ maxLength: 40 })), {
    maxLength: 12,
  })
  .map((pieces) => pieces.join("").replaceAll("\n", "\\n"));

function encodeAll(raw: Buffer, level: number | undefined, withKernel: boolean): { bytes: Buffer; runs: EncodedRun[] } {
  const [heads, sink] = [new LineHeads({ ps: "web.1", source: "app", release: 74 }), new ByteSink()];
  const scanner = new PartScanner(raw, false, false);
  const options = { us: US, cleanUntil: raw.lastIndexOf(10) + 1, level };
  const bulk = withKernel ? BulkEncoder.begin(scanner, heads, options) : undefined;
  assert.is(bulk !== undefined, withKernel);
  const runs: EncodedRun[] = [];
  for (;;) {
    const run = bulk?.next(scanner, sink) ?? encodeRun(scanner, sink, heads, options);
    if (run.lines === 0) break;
    runs.push({ ...run, facets: Uint32Array.from(run.facets) });
  }
  return { bytes: sink.written(), runs };
}

function encodesAsPlain(raw: Buffer, level?: number): void {
  const [plain, bulk] = [encodeAll(raw, level, false), encodeAll(raw, level, true)];
  assert.is(bulk.bytes.toString(), plain.bytes.toString());
  assert.equal(bulk.runs, plain.runs);
}

/** Texts that stand in messages as they are, at the edge of an escape, or only in what is stored. */
const TEXT = fc.oneof(
  fc.constantFrom(
    ...'n t u001b b \\ " \\n ts web.1 msg app } error ERROR eRRor é É 00 1b[ \u001b[31m'.split(" "),
    " ",
    "\t",
  ),
  fc.array(fc.oneof(WORD, MARK), { minLength: 1, maxLength: 3 }).map((pieces) => pieces.join("") || "x"),
);

/** As JavaScript sees the messages; letters beyond ASCII have their case. */
function naiveLines(stored: Buffer, text: string, ignoreCase: boolean): string[] {
  const lower = (value: string): string =>
    ignoreCase ? value.replace(/[A-Z]/g, (letter) => letter.toLowerCase()) : value;
  const lines = stored.toString().split(/(?<=\n)/);
  return lines.filter((line) => lower(parseLogLine(line).msg).includes(lower(text)));
}

function foundLines(stored: Buffer, search: TextSearch): string[] {
  const found = search.select(stored, new LineMatcher({}));
  return Array.from({ length: found.length / 2 }, (_, n) => stored.toString("utf8", found[n * 2], found[n * 2 + 1]));
}

const MOMENT = fc.integer({ min: 0, max: 30 }).map((n) => US + n * 7);
const PICKED = fc.record({
  ps: fc.constantFrom("web", "web.1", "web.10", "w", "a-very-long-type-of-process", "a-very-long-type-of-process.12"),
  sinceUs: fc.option(MOMENT, { nil: undefined }),
  untilUs: fc.option(MOMENT, { nil: undefined }),
});
/** Lines as they are stored, and what is none. */
const STORED = fc.oneof(
  {
    weight: 9,
    arbitrary: fc
      .record({
        us: MOMENT,
        ps: fc.constantFrom("web.1", "web.10", "web", "webb.1", "w", "a-very-long-type-of-process.12"),
        msg: fc.oneof(
          fc.constantFrom("", "x", ',\\"ps\\":\\"web.1\\"', "é".repeat(40)),
          fc.integer({ max: 700, min: 0 }).map((length) => "y".repeat(length)),
        ),
        cut: fc.oneof({ weight: 4, arbitrary: fc.constant(9_999) }, fc.integer({ min: 0, max: 80 })),
        wrong: fc.oneof({ weight: 30, arbitrary: fc.constant(9_999) }, fc.integer({ min: 0, max: 7 })),
      })
      .map(({ cut, wrong, ...parts }) => {
        const line = storedLine(parts);
        return `${(line.slice(0, wrong) + line.slice(wrong).replace(/^./, "~")).slice(0, cut)}\n`;
      }),
  },
  fc.constantFrom(
    "\n",
    "\n".repeat(70),
    `${" ".repeat(34)}\n,"ps":"web.1","source":"app"}\n`,
    `${"z".repeat(17_000)}\n`,
  ),
);

function storedLine({ us, ps, msg }: { us: number; ps: string; msg: string }): string {
  return `{"ts":"${formatStamp(us)}","ps":"${ps}","source":"app","msg":"${msg}"}`;
}

/** Picks as the plain form does: in memory of its own, and in an area that has lines behind the last. */
function picksAsPlain(stored: Buffer, filter: HeadFilter): void {
  const matcher = new LineMatcher(filter);
  const lines = stored
    .toString("latin1")
    .split(/(?<=\n)/)
    .filter((line) => line.endsWith("\n"));
  const expected = lines.filter((line) => matcher.matches(Buffer.from(line, "latin1"), 0, line.length));
  const borrowed = borrowKernel();
  if (borrowed === undefined) throw new Error("There is no kernel.");
  borrowed.area.fill(`${storedLine({ us: US, ps: "web.1", msg: "" })}\n`);
  stored.copy(borrowed.area);
  for (const bytes of [stored, borrowed.area.subarray(0, stored.length)]) {
    const picked = matcher.pick(bytes, false);
    assert.is(picked?.bytes.toString("latin1"), expected.join(""));
    assert.is(
      picked?.areOurs,
      expected.every((line) => /^\{"ts":".*"\}\n$/.test(line)),
    );
    assert.is(matcher.pick(bytes, true)?.lines, expected.length);
  }
  assert.is(matcher.select(stored).length / 2, expected.length);
  returnKernel(borrowed);
}

describe("kernel of the log", (test) => {
  test("is what was made of its source", async () => {
    const source = await readFile(new URL("../../../src/logs/kernel/log-kernel.ts", import.meta.url));
    const sum = createHash("sha256").update(source).digest("hex");
    assert.is(KERNEL_SOURCE_SHA256, sum, "`npm run kernel` makes src/logs/kernel-code.ts of it");
    assert.ok(LogKernel.make() !== undefined);
  });

  test("makes the records that the plain form makes, level and all", () => {
    const property = fc.property(fc.array(LINE, { minLength: 1, maxLength: 20 }), fc.boolean(), (lines, isStated) => {
      const raw = Buffer.from(`${lines.join("\n")}\n`);
      const level = isStated ? 2 : undefined;
      encodesAsPlain(raw, level);
    });
    fc.assert(property, { numRuns: 1500 });
  });

  test("ends lines and escapes wherever in sixteen bytes they stand", () => {
    const specials = ['"', "\\", "\t", "\u001b[0m", "\r", '"\\"', '\\""""""""'];
    const lines = Array.from({ length: 40 }, (_, length) =>
      specials.flatMap((special) =>
        Array.from({ length: length + 1 }, (_at, at) => `${"x".repeat(at)}${special}${"é".repeat(length - at)}`),
      ),
    ).flat();
    for (const end of ["\n", "\r\n", "\r\r\n", "\n\n"])
      encodesAsPlain(Buffer.from(lines.map((line) => line + end).join("")));
    for (let length = 0; length < 34; length += 1) encodesAsPlain(Buffer.from(`${"y".repeat(length)}\nno end "\n"`));
  });

  test("looks for a level as far as the plain form does", () => {
    const lines: string[] = [];
    for (const text of ["level=warn", "7 WARNING", '{"level":40,', "[fatal]", "lvl: 'debug'", "ERROR"])
      for (let at = 0; at < 100; at += 1)
        for (const end of ["", "\r", "s", " x", "\r\r", ":"]) {
          lines.push(`${"-".repeat(at)} ${text}${end}`, text + " ".repeat(at) + end);
          if (text.startsWith("{")) lines.push(`{"a":"${"-".repeat(at)}",${text.slice(1)}${end}`);
        }
    encodesAsPlain(Buffer.from(`${lines.join("\n")}\n`));
  });

  test("sums bytes as Adler-32 does, whole and in pieces", () => {
    const area = LogKernel.make()?.area;
    const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, n) => Math.imul(n, 0x9e3779b1) >>> 24));
    for (const all of [
      bytes,
      bytes.fill(0xff, 1000, 90_000),
      Buffer.alloc(70_000, 0xff),
      Buffer.alloc(65_521, 1),
      Buffer.alloc(700),
    ])
      for (const length of [0, 1, 31, 32, 33, 511, 512, 5535, 5536, 5537, 65_520, 65_521, 65_536, all.length]) {
        const part = all.subarray(0, length);
        const expected = zlibAdler32(part);
        assert.is(adler32(part), expected, String(length));
        assert.is(plainAdler32(part, 0, part.length), expected);
        area?.set(part, 3);
        assert.is(area && adler32(area, 3, 3 + part.length), expected);
        const cut = part.length >> 2;
        assert.is(joinAdler32(adler32(part, 0, cut), adler32(part, cut), part.length - cut), expected);
      }
  });

  test("finds and counts the lines whose messages have a text", () => {
    const property = fc.property(fc.array(LINE, { minLength: 1 }), TEXT, fc.boolean(), (lines, text, ignoreCase) => {
      const stored = Buffer.from(encodeAll(Buffer.from(`${lines.join("\n")}\n`), undefined, true).bytes);
      const expected = naiveLines(stored, text, ignoreCase);
      const search = new TextSearch(text, ignoreCase);
      assert.equal(foundLines(stored, search), expected);
      assert.is(search.count(stored), expected.length);
      assert.ok(expected.length === 0 || search.mayBeIn(stored));
    });
    fc.assert(property, { numRuns: 1500 });
  });

  test("picks the lines of a process in a time, whatever a hand left there", () => {
    const lines = fc.array(STORED, { maxLength: 40 });
    const rest = fc.constantFrom("", "no end", storedLine({ us: US, ps: "web.1", msg: "" }));
    const property = fc.property(lines, rest, PICKED, (whole, end, filter) => {
      picksAsPlain(Buffer.from(whole.join("") + end), filter);
    });
    fc.assert(property, { numRuns: 1000 });
    assert.is(new LineMatcher({ ps: "web", source: "app" }).pick(Buffer.from("\n"), false), undefined);
  });

  test("picks lines wherever they end, and as many as it is given", () => {
    const messages = Array.from({ length: 300 }, (_, length) => "y".repeat(length));
    const lines = messages.map((msg, n) => `${storedLine({ us: US, ps: `web.${String(n % 3)}`, msg })}\n`);
    picksAsPlain(Buffer.from(lines.join("")), { ps: "web.1" });
    picksAsPlain(Buffer.from(lines.join("\n")), { ps: "web", untilUs: US + 1 });
    const line = lines[1] as string;
    const all = Buffer.from(line.repeat(Math.floor(PICK_BYTES_MAX / line.length)));
    picksAsPlain(all, { ps: "web.1", sinceUs: US });
    picksAsPlain(Buffer.alloc(PICK_BYTES_MAX, "y"), { ps: "web.1" });
    picksAsPlain(Buffer.alloc(PICK_BYTES_MAX, "\n"), { ps: "web.1" });
    const long = storedLine({ us: US, ps: "web.1", msg: "y".repeat(PICK_BYTES_MAX - 100) });
    picksAsPlain(Buffer.from(`${long}\n`), { ps: "web.1", sinceUs: US });
    picksAsPlain(Buffer.from(`\n${long}`), { ps: "web.1" });
  });

  test("counts in pieces, in a thread: each line once, wherever they are cut", async (t) => {
    const dir = await t.tempDir();
    const segment = "20110619T083519.123456Z.ndjson";
    const lines = Array.from(
      { length: 4000 },
      (_, n) => `{"n":${String(n)},"word":"${n % 3 === 0 ? "invoice" : "x"}"}\n`,
    );
    const raw = Buffer.from(`${lines.join("")}${"y".repeat(300_000)} invoice\n`);
    const { bytes } = encodeAll(raw, undefined, true);
    await writeFile(join(dir, segment), bytes);
    const target = {
      dir,
      segment,
      size: bytes.length,
      isSealed: true,
      isReadOnly: true,
      filter: { search: "invoice" },
    };
    const signal = new AbortController().signal;
    for (const step of [1_000, 77_777, 400_000, 10_000_000])
      assert.is(await countInThreads(target, step, signal), 1335, `pieces of ${String(step)}`);
    assert.is(await countInThreads({ ...target, dir: join(dir, "gone") }, 1_000, signal), 0);
    const stop = new AbortController();
    stop.abort();
    assert.match(String(await rejects(countInThreads(target, 1_000, stop.signal))), "The search was ended.");
  });

  test("ends a block where the plain form does, and leaves long lines to it", () => {
    const line = `level=warn "quoted" ${"x".repeat(150)}`;
    const many = Array.from({ length: 900 }, (_, n) => `${String(n)} ${line}`);
    for (const length of [65_535, 65_536, 65_537, 200_000])
      for (const end of ["\n", "\r\n"]) many.push(`\u0001"`.repeat(4), "y".repeat(length) + end.slice(0, -1), "z");
    const raw = Buffer.from(`${many.join("\n")}\nno end`);
    const [plain, bulk] = [encodeAll(raw, undefined, false), encodeAll(raw, undefined, true)];
    assert.ok(bulk.bytes.equals(plain.bytes));
    const [bulkLines, plainLines] = [bulk, plain].map(({ runs }) => runs.slice(0, 3).map(({ lines }) => lines));
    assert.equal(bulkLines, plainLines);
  });
});
