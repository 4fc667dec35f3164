/** Every filter, and every way to ask it, against a naive one that parses each stored line, over random lines in many small segments. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import * as assert from "uvu/assert";
import { parseStamp, type LogLine, type NewLogLine } from "../../src/core/log-line.ts";
import type { LogFilter, LogQuery, LogStore } from "../../src/logs/log-store.ts";
import { readRest } from "../../src/logs/read-rest.ts";
import { listSegments } from "../../src/logs/segment-files.ts";
import { StoredLogs } from "../../src/logs/stored-logs.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { naiveContext } from "./naive-context.ts";
import { linesOf, openStore, segmentsOf, storedBytes } from "./open-store.ts";
import { copyOf, filesOf, KEPT } from "./sealed-log.ts";

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

type Filter = LogFilter & {
  sinceAt?: number | undefined;
  untilAt?: number | undefined;
  aroundAt: number;
  context: number;
};

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
    regex: fc.oneof(
      { weight: 5, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.constantFrom(...PATTERNS) },
    ),
    aroundAt: fc.double({ min: 0, max: 1, noNaN: true }),
    context: fc.integer({ min: 1, max: 3 }),
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
  for await (const piece of store.read(query, new AbortController().signal)) pieces.push(Buffer.from(piece));
  return linesOf(Buffer.concat(pieces));
}

type Stores = Pick<LogStore, "read" | "count">[];

async function checkQuery(stores: Stores, all: LogLine[], filter: LogFilter): Promise<void> {
  const expected = all.filter((line) => naive(line, filter));
  for (const store of stores) {
    assert.equal(await ask(store, filter), expected, JSON.stringify(filter));
    assert.is(await store.count(filter, new AbortController().signal), expected.length, JSON.stringify(filter));
    for (const lines of [1, 40]) {
      assert.equal(await ask(store, { ...filter, lines }), expected.slice(-lines), JSON.stringify(filter));
    }
  }
}

const CONTINUATIONS = [" ", "\t", "at ", "Caused by", 'File "', "... "];

/** The last hits, all of them without `lines`, with their context. */
async function checkContext(
  stores: Stores,
  all: LogLine[],
  query: LogFilter & { context: number; lines: number | undefined },
): Promise<void> {
  const { context, lines, ...filter } = query;
  const { levels: _levels, search: _search, regex: _regex, ...scope } = filter;
  const passing = all.filter((line) => naive(line, scope));
  const hits = passing.filter((line) => naive(line, filter)).slice(-(lines ?? all.length));
  const isHit = new Set(hits);
  const expected = naiveContext(
    passing.map((line) => ({
      ps: line.ps,
      isHit: isHit.has(line),
      isContinuation: CONTINUATIONS.some((start) => line.msg.startsWith(start)),
    })),
    context,
  ).map((index) => passing[index]);
  for (const store of stores) {
    const found = await ask(store, query);
    if (lines !== undefined) assert.equal(found, expected, JSON.stringify(query));
    else assert.equal(byProcess(found), byProcess(expected), JSON.stringify(query));
  }
}

/** An answer that begins before its end is known has neighbours beside their hit, behind later lines of other processes. */
function byProcess(lines: readonly (LogLine | undefined)[]): (LogLine | undefined)[] {
  return lines.toSorted((a, b) => (a?.ps ?? "").localeCompare(b?.ps ?? ""));
}

async function checkAround(stores: Stores, all: LogLine[], query: LogFilter & { aroundUs: number }): Promise<void> {
  const { aroundUs, ...filter } = query;
  const own = all.filter((line) => naive(line, filter));
  const before = own.filter((line) => (parseStamp(line.ts) ?? 0) < aroundUs);
  for (const lines of [0, 1, 7, 20]) {
    const half = Math.ceil(lines / 2);
    const from = own.slice(before.length, before.length + lines - half);
    const expected = [...before.slice(before.length - half < 0 ? 0 : before.length - half), ...from];
    for (const store of stores)
      assert.equal(await ask(store, { ...query, lines }), expected, `${JSON.stringify(query)} ${String(lines)}`);
  }
}

/** One random filter, asked in every way. */
async function checkEverything(everyStore: Stores, all: LogLine[], given: Filter): Promise<void> {
  const { sinceAt, untilAt, aroundAt, context, regex, search, ...rest } = given;
  const stampAt = (part: number | undefined): number | undefined =>
    part === undefined ? undefined : parseStamp(all[Math.floor(part * (all.length - 1))]?.ts ?? "");
  // Not both; and what ends a message ends it behind what all messages end with.
  const says = regex === undefined ? { search } : { regex: regex.replace(/\$$/, "·*$") };
  // Each search by pattern starts a thread.
  const stores = regex === undefined ? everyStore : everyStore.slice(0, 1);
  const [sinceUs, untilUs] = [stampAt(sinceAt), stampAt(untilAt)];
  const filter = { ...rest, ...says, sinceUs, untilUs };
  await checkQuery(stores, all, filter);
  for (const lines of [undefined, 1, 30]) await checkContext(stores, all, { ...filter, context, lines });
  const around = { ...rest, ...says, aroundUs: stampAt(aroundAt) ?? 0 };
  await checkAround(stores, all, around);
}

/** All but its newest segment compressed, with signatures and rollups. */
async function coldCopy(t: TestContext, dir: string): Promise<{ dir: string; store: LogStore }> {
  const copy = await copyOf(t, { dir });
  const retention = { ...KEPT, hotMs: 0 };
  const store = await openStore(t, copy, { segmentBytes: 200_000, careBytesMin: 1, retention });
  await store.caredFor();
  const files = await filesOf(copy);
  assert.ok(
    files.slice(0, -1).every((name) => !name.endsWith(".ndjson")),
    files.join(),
  );
  return { dir: copy, store };
}

/** The log of a destroyed app, all of it read as an asker does, with a thread beside, where that can be. */
async function readAlong(dir: string): Promise<Stores[number]> {
  const stored = await StoredLogs.open(dir);
  const segments = await listSegments(dir);
  const segment = segments.at(-1) ?? "";
  const end = { segment, offset: (await stat(join(dir, segment))).size };
  return {
    async *read(query, signal) {
      const { lines, aroundUs, regex, context = 0 } = query;
      const isShort = lines !== undefined || aroundUs !== undefined || regex !== undefined || context > 0;
      if (isShort) return yield* stored.read(query, signal);
      for await (const { lines: found } of readRest({ dir, snapshot: { segments, end }, filter: query }, signal))
        yield found;
    },
    count: (filter, signal) => stored.count(filter, signal),
  };
}

describe("every filter", (test) => {
  test("every combination finds what a naive filter finds: plain, cold, and of a destroyed app", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir, { segmentBytes: 200_000 });
    await fill(store);
    const all = linesOf(await storedBytes(dir));
    assert.ok((await segmentsOf(dir)).length >= 4);
    const cold = await coldCopy(t, dir);
    const stored = await readAlong(join(cold.dir, "logs"));
    await fc.assert(
      fc.asyncProperty(filters, (filter) => checkEverything([cold.store, store, stored], all, filter)),
      { numRuns: 8 },
    );
    for (const regex of PATTERNS) {
      for (const invert of [false, true])
        await checkQuery([store], all, { regex: regex.replace(/\$$/, "·*$"), invert, ps: "web" });
    }
  });
});
