/** Every filter against a naive one that parses each stored line, over random lines in many small segments. */
import { appendFile, copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import * as assert from "uvu/assert";
import { parseStamp, type LogLine, type NewLogLine } from "../../src/core/log-line.ts";
import type { LogFilter, LogQuery, LogStore } from "../../src/logs/log-store.ts";
import { StoredLogs } from "../../src/logs/stored-logs.ts";
import { rejects } from "../support/assert.ts";
import { describe } from "../support/suite.ts";
import { linesOf, messagesOf, openStore, segmentsOf, storedBytes } from "./open-store.ts";

const WORDS = [
  "error",
  "Error",
  "n",
  "\t",
  'said "x"',
  "ünï",
  "日本",
  "\u001b[31mred",
  "\\n",
  "back\\slash",
  "}",
  "u001b",
];
const PATTERNS = ["^error", "(ünï|日本)$", "\\t", "^.$", "x\\b", "\\u001b\\[\\d+m", "[^a-z]{3}", "😀."];

const newLine: fc.Arbitrary<NewLogLine> = fc.record(
  {
    ps: fc.constantFrom("web.1", "web.10", "web.2", "worker.1", "router", "rare.7"),
    source: fc.constantFrom("app", "heroku"),
    release: fc.constantFrom(1, 7, 74, 4_000_000),
    level: fc.constantFrom("error", "warning", "info", "debug"),
    msg: fc.array(fc.constantFrom(...WORDS, " ", "😀", "abc"), { maxLength: 6 }).map((words) => words.join("")),
  },
  { requiredKeys: ["ps", "source", "msg"], noNullPrototype: true },
);

type Filter = LogFilter & { sinceAt?: number | undefined; untilAt?: number | undefined };

const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined, freq: 1 });
const filters: fc.Arbitrary<Filter> = fc.record(
  {
    ps: optional(fc.constantFrom("web", "web.1", "we", "rare", "none.1")),
    source: optional(fc.constantFrom("app", "heroku", "her")),
    release: optional(fc.constantFrom(1, 7, 8, 74, 4_000_000)),
    levels: optional(fc.constantFrom(["error"], ["warning", "debug"], ["none"])),
    sinceAt: optional(fc.double({ min: 0, max: 1, noNaN: true })),
    untilAt: optional(fc.double({ min: 0, max: 1, noNaN: true })),
    search: optional(fc.constantFrom(...WORDS)),
    ignoreCase: fc.boolean(),
    invert: fc.boolean(),
  },
  { noNullPrototype: true },
);

function naive(line: LogLine, filter: LogFilter): boolean {
  const { ps, source, release, levels, sinceUs = 0, untilUs = Number.POSITIVE_INFINITY } = filter;
  const us = parseStamp(line.ts) ?? 0;
  if (us < sinceUs || us >= untilUs) return false;
  if (ps !== undefined && line.ps !== ps && line.ps.split(".")[0] !== ps) return false;
  if (source !== undefined && line.source !== source) return false;
  if (release !== undefined && line.release !== release) return false;
  return (levels === undefined || levels.includes(line.level ?? "")) && saysSo(line.msg, filter);
}

function lower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function saysSo(msg: string, { search, regex, ignoreCase = false, invert = false }: LogFilter): boolean {
  if (regex !== undefined) return new RegExp(regex, ignoreCase ? "iu" : "u").test(msg) !== invert;
  if (search === undefined) return true;
  return (ignoreCase ? lower(msg).includes(lower(search)) : msg.includes(search)) !== invert;
}

/** Random lines over four segments and many blocks, the times of which differ. */
async function fill(store: LogStore): Promise<void> {
  const lines = fc.sample(newLine, { numRuns: 4000, seed: 5 });
  for (let at = 0; at < lines.length; at += 450) {
    for (const line of lines.slice(at, at + 450)) store.append({ ...line, msg: `${line.msg}${"·".repeat(60)}` });
    store.append({ ps: "once.1", source: "app", release: 1000 + at, msg: `at ${String(at)}` });
    await store.flushed();
  }
}

async function ask(store: Pick<LogStore, "read">, query: LogQuery): Promise<LogLine[]> {
  const pieces: Buffer[] = [];
  for await (const piece of store.read(query, new AbortController().signal)) pieces.push(piece);
  return linesOf(Buffer.concat(pieces));
}

function withTimes({ sinceAt, untilAt, ...filter }: Filter, all: readonly LogLine[]): LogFilter {
  const stampAt = (part: number | undefined): number | undefined =>
    part === undefined ? undefined : parseStamp(all[Math.floor(part * (all.length - 1))]?.ts ?? "");
  return { ...filter, sinceUs: stampAt(sinceAt), untilUs: stampAt(untilAt) };
}

async function checkQuery(
  stores: Pick<LogStore, "read" | "count">[],
  all: LogLine[],
  filter: LogFilter,
): Promise<void> {
  const expected = all.filter((line) => naive(line, filter));
  for (const store of stores) {
    assert.equal(await ask(store, filter), expected, JSON.stringify(filter));
    assert.is(await store.count(filter, new AbortController().signal), expected.length, JSON.stringify(filter));
    for (const lines of [1, 40]) {
      assert.equal(await ask(store, { ...filter, lines }), expected.slice(-lines), JSON.stringify(filter));
    }
  }
}

async function messages(store: LogStore, filter: LogFilter): Promise<string[]> {
  return messagesOf(await store.query(filter, 100));
}

function appendAll(store: LogStore, texts: string[]): void {
  for (const msg of texts) store.append({ ps: "web.1", source: "app", msg });
}

describe("log filters", (test) => {
  test("every combination finds what a naive filter finds", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir, { segmentBytes: 200_000 });
    await fill(store);
    const all = linesOf(await storedBytes(dir));
    assert.ok((await segmentsOf(dir)).length >= 4);
    const stored = await StoredLogs.open(join(dir, "logs"));
    await fc.assert(
      fc.asyncProperty(filters, async (filter) => {
        await checkQuery([store, stored], all, withTimes(filter, all));
      }),
      { numRuns: 15 },
    );
    for (const regex of PATTERNS) {
      for (const invert of [false, true])
        await checkQuery([store], all, { regex: regex.replace(/\$$/, "·*$"), invert, ps: "web" });
    }
  });

  test("around a moment: half before it, half from it on", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir, { segmentBytes: 200_000 });
    await fill(store);
    const all = linesOf(await storedBytes(dir)).filter((line) => line.ps === "web.1");
    for (const [at, lines] of [
      [0.5, 10],
      [0, 7],
      [1, 7],
      [0.3, 1],
      [0.7, 3000],
      [0.2, 0],
    ] as const) {
      const aroundUs = parseStamp(all[Math.floor(at * (all.length - 1))]?.ts ?? "") ?? 0;
      const before = all.filter((line) => (parseStamp(line.ts) ?? 0) < aroundUs);
      const from = all.slice(before.length);
      const half = Math.ceil(lines / 2);
      const expected = [...before.slice(half === 0 ? all.length : -half), ...from.slice(0, lines - half)];
      assert.equal(await ask(store, { ps: "web.1", aroundUs, lines }), expected, `${String(at)} ${String(lines)}`);
    }
  });

  test("a text is found as it was printed, and nothing of its escapes", async (t) => {
    const store = await openStore(t, await t.tempDir());
    const texts = ['said "hi"\tthere', "C:\\new", "a\u0001b", "é è 日本", "plain n }", "\u001b[32mok\u001b[0m"];
    appendAll(store, texts);
    for (const text of texts) assert.equal(await messages(store, { search: text }), [text]);
    assert.equal(await messages(store, { search: '"' }), [texts[0]]);
    assert.equal(await messages(store, { search: "\t" }), [texts[0]]);
    // Only in the escapes, in the head or behind the message.
    for (const text of ["u0001", "001b", "tthere", '"}', "web.1", "source", 'msg":"']) {
      assert.equal(await messages(store, { search: text }), [], text);
    }
    assert.equal(await messages(store, { search: "}" }), [texts[4]]);
    assert.equal(await messages(store, { search: "new" }), [texts[1]]);
    assert.equal(await messages(store, { search: "É", ignoreCase: true }), []);
    assert.equal(await messages(store, { search: "SAID", ignoreCase: true }), [texts[0]]);
    assert.equal(await messages(store, { search: "SAID" }), []);
    assert.equal(await messages(store, { search: "i", invert: true }), texts.slice(1, 4).concat(texts[5] ?? ""));
  });

  test("a pattern sees the message as it was printed", async (t) => {
    const store = await openStore(t, await t.tempDir());
    appendAll(store, ['say "hi"', "tab\there", "POST /a 500 in 12ms", "😀!", "a-b"]);
    assert.equal(await messages(store, { regex: '"hi"$' }), ['say "hi"']);
    assert.equal(await messages(store, { regex: "^tab\\there" }), ["tab\there"]);
    assert.equal(await messages(store, { regex: "^post .* 5\\d\\d", ignoreCase: true }), ["POST /a 500 in 12ms"]);
    assert.equal(await messages(store, { regex: "^.!$" }), ["😀!"]);
    // Which the stricter rules of Unicode would refuse.
    assert.equal(await messages(store, { regex: "a\\-b" }), ["a-b"]);
    assert.equal(await messages(store, { regex: "a", invert: true }), ["😀!"]);
  });

  test("a pattern that is none is said to be none", async (t) => {
    const store = await openStore(t, await t.tempDir());
    for (const regex of ["(", "[", "a{2,1}", "*"]) {
      const error = await rejects(store.query({ regex }, 1));
      assert.match(String(error), `${JSON.stringify(regex)} is no regular expression: `, regex);
    }
  });

  test("a pattern that backtracks without end is ended, and holds up nobody", async (t) => {
    const store = await openStore(t, await t.tempDir());
    appendAll(store, ["fine", `${"a".repeat(60)}!`]);
    const slow = rejects(store.query({ regex: "(a+)+$" }, 100));
    let turns = 0;
    const over = new AbortController();
    void slow.then(() => over.abort());
    while (!over.signal.aborted) {
      assert.is((await store.query({ search: "fine" }, 1)).length > 0, true);
      await sleep(20);
      turns += 1;
    }
    assert.ok(turns > 3, String(turns));
    assert.match(String(await slow), "The pattern takes too long on these lines.");
    assert.equal(await messages(store, { regex: "^fi" }), ["fine"]);
  });

  test("an aborted search ends at once, also within a pattern", async (t) => {
    const store = await openStore(t, await t.tempDir());
    appendAll(store, [`${"a".repeat(60)}!`]);
    await store.flushed();
    const stop = new AbortController();
    const pieces = store.read({ regex: "(a+)+$" }, stop.signal);
    const ended = pieces.next();
    setImmediate(() => stop.abort());
    assert.is((await ended).done, true);
    // One that goes on to its time limit ends with an error instead.
  });

  test("more searches by pattern than there are threads for are refused", async (t) => {
    const store = await openStore(t, await t.tempDir());
    appendAll(store, [`${"a".repeat(60)}!`]);
    await store.flushed();
    const stop = new AbortController();
    const searches = Array.from({ length: 9 }, async () => {
      for await (const piece of store.read({ regex: "(a+)+$" }, stop.signal)) void piece;
    });
    const failure = await rejects(
      Promise.race(searches.map((search) => search.then(() => new Promise(() => undefined)))),
    );
    assert.match(String(failure), "8 searches by pattern are under way already.");
    stop.abort();
    await Promise.allSettled(searches);
    assert.equal(await messages(store, { regex: "^a+!" }), [`${"a".repeat(60)}!`]);
  });

  test("lines of another hand stay lines", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir);
    appendAll(store, ["before"]);
    await store.close();
    const [segment = ""] = await segmentsOf(dir);
    await appendFile(join(dir, "logs", segment), 'not json\n{"odd":"needle"}\n');
    const again = await openStore(t, dir);
    appendAll(again, ["after needle"]);
    assert.is((await again.query({}, 10)).toString().split("\n").length, 5);
    assert.match(
      (await again.query({ search: "needle" }, 10)).toString(),
      /^\{"odd":"needle"\}\n\{.*after needle"\}\n$/,
    );
    assert.equal(await messages(again, { ps: "web.1" }), ["before", "after needle"]);
  });

  test("a log that is read only is not written to, and its torn end is left out", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir, { segmentBytes: 3000 });
    for (let n = 0; n < 60; n += 1) {
      appendAll(store, [`line ${String(n)}`]);
      await store.flushed();
    }
    const copy = join(dir, "copy");
    await mkdir(copy);
    const segments = await segmentsOf(dir);
    for (const segment of segments) await copyFile(join(dir, "logs", segment), join(copy, segment));
    await appendFile(join(copy, segments.at(-1) ?? ""), '{"ts":"torn');
    const stored = await StoredLogs.open(copy);
    assert.is((await ask(stored, { lines: 100 })).length, 60);
    assert.is((await ask(stored, { search: "line 5" })).length, 11);
    assert.equal(await stored.processNames(), ["web.1"]);
    assert.equal(await segmentsOf(dir), segments);
  });
});
