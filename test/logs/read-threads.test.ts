/** Long answers, which are read in a thread from some segment on. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { Claims } from "../../src/logs/claims.ts";
import { LineSelection, type LogFilter } from "../../src/logs/line-selection.ts";
import type { Reading } from "../../src/logs/log-reader.ts";
import type { Snapshot } from "../../src/logs/query.ts";
import { readRest } from "../../src/logs/read-rest.ts";
import { ReadThread } from "../../src/logs/read-thread.ts";
import { linesInOrder, type LogRest } from "../../src/logs/read-threads.ts";
import { SegmentFiles } from "../../src/logs/segment-files.ts";
import { Sieve } from "../../src/logs/sieve.ts";
import { poll } from "../support/poll.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { openStore, segmentsOf, storedBytes, textLines } from "./open-store.ts";

interface Log {
  dir: string;
  files: SegmentFiles;
  snapshot: Snapshot;
  lines: string[];
}

/** Some MB in many segments: more than a thread is ahead of its reader. */
async function longLog(t: TestContext): Promise<Log> {
  const dir = await t.tempDir();
  const store = await openStore(t, dir, { segmentBytes: 500_000 });
  for (let n = 0; n < 1_500; n += 1) {
    store.append({ ps: `web.${String(n % 2)}`, source: "app", msg: `${String(n)} ${"x".repeat(3_700)}` });
    if (n % 100 === 0) await store.flushed();
  }
  await store.close();
  const segments = await segmentsOf(dir);
  const end = { segment: "", offset: 0 };
  const files = new SegmentFiles(join(dir, "logs"));
  return { dir, files, snapshot: { segments, end }, lines: textLines(await storedBytes(dir)) };
}

const NEVER = new AbortController().signal;

function isOfOne(line: string): boolean {
  return line.includes('"ps":"web.1"');
}

async function textOf(pieces: AsyncIterable<Buffer>): Promise<string[]> {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(Buffer.from(piece));
  return textLines(Buffer.concat(all));
}

async function* inThread({ files, snapshot }: Log, filter: LogFilter, signal = NEVER): AsyncGenerator<Buffer, void> {
  // On a small machine there is only one, which may still be at the end of what nobody wanted.
  const thread = await poll(async () => ReadThread.take());
  try {
    const claims = Claims.for(snapshot.segments.length);
    thread.begin({ dir: files.dir, isReadOnly: false, snapshot, filter, claims, room: 4 }, signal);
    yield* thread.linesOf(snapshot.segments.length);
  } finally {
    thread.giveBack();
  }
}

/** As a platform and its asker do it together. */
async function* leftToTheAsker(reading: Reading, sieve: Sieve, longBytes: number): AsyncGenerator<Buffer, void> {
  let rest: LogRest | undefined;
  const leave = (left: LogRest): void => void (rest = left);
  yield* linesInOrder({ ...reading, leave }, sieve, longBytes);
  if (longBytes === 0) assert.ok(rest, "nothing was left");
  // As it comes through the socket.
  const told = rest && (JSON.parse(JSON.stringify(rest)) as LogRest);
  if (told !== undefined) for await (const { lines } of readRest(told, NEVER)) yield lines;
}

describe("long answers", (test) => {
  const log = test.shared(longLog);

  test("go on in a thread, with every line once and in order", async () => {
    const { files, snapshot, lines } = await log();
    for (const filter of [{}, { ps: "web.1" }, { ps: "web", search: "x 1" }, { search: "59 x" }]) {
      const { search = "" } = filter as LogFilter;
      const wanted = lines.filter((line) => (filter.ps !== "web.1" || isOfOne(line)) && line.includes(search));
      assert.equal(await textOf(inThread(await log(), filter)), wanted, JSON.stringify(filter));
      // By now there is a thread that has started; each segment may be the last that is read here.
      for (const long of [0, 1_200_000, 10_000_000]) {
        const sieve = new Sieve(new LineSelection(filter, { isEndless: false }), 0);
        assert.equal(await textOf(linesInOrder({ files, snapshot, signal: NEVER }, sieve, long)), wanted);
        assert.equal(await textOf(leftToTheAsker({ files, snapshot, signal: NEVER }, sieve, long)), wanted);
      }
    }
  });

  test("end when nobody reads on, and the thread reads the next", async () => {
    const { lines } = await log();
    for await (const piece of inThread(await log(), {})) {
      assert.is(textLines(Buffer.from(piece))[0], lines[0]);
      break;
    }
    const stop = new AbortController();
    const some: string[] = [];
    for await (const piece of inThread(await log(), {}, stop.signal)) {
      some.push(...textLines(Buffer.from(piece)));
      stop.abort();
    }
    assert.ok(some.length < lines.length);
    assert.equal(some, lines.slice(0, some.length));
    assert.equal(await textOf(inThread(await log(), { ps: "web.1" })), lines.filter(isOfOne));
  });

  test("go without the segments that are removed meanwhile", async (t) => {
    const own = await longLog(t);
    const kept = await segmentsOf(own.dir);
    const found: string[] = [];
    for await (const piece of inThread(own, { ps: "web.1" })) {
      if (found.length === 0)
        for (const name of await readdir(own.files.dir))
          if (name.startsWith(kept.at(-1)?.slice(0, 23) ?? "?")) await rm(join(own.files.dir, name));
      found.push(...textLines(Buffer.from(piece)));
    }
    const wanted = own.lines.filter(isOfOne);
    assert.ok(found.length < wanted.length);
    assert.equal(found, wanted.slice(0, found.length));
  });
});
