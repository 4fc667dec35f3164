import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Clock } from "../../src/core/clock.ts";
import type { LogStore } from "../../src/logs/log-store.ts";
import { poll } from "../support/poll.ts";
import { describe } from "../support/suite.ts";
import { linesOf, messagesOf, openStore, segmentsOf, storedBytes, tailLines } from "./open-store.ts";
import { realClock } from "./real-clock.ts";

const SEGMENT_BYTES = 3_000;
const DAY_MS = 86_400_000;
const FOREVER = Number.POSITIVE_INFINITY;

/** Numbered lines, about 25 of them in a segment. */
async function fill(store: LogStore, from: number, to: number): Promise<void> {
  for (let index = from; index < to; index += 5) {
    for (let n = index; n < index + 5; n += 1) store.append({ ps: "web.1", source: "app", msg: `line ${String(n)}` });
    await store.flushed();
  }
}

/** One that goes meanwhile counts nothing. */
async function bytesOf(dir: string): Promise<number> {
  const paths = (await segmentsOf(dir)).map((name) => join(dir, "logs", name));
  const found = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)));
  return found.reduce((sum, one) => sum + (one?.size ?? 0), 0);
}

/** Resolves when the log says that something was removed so many times. */
async function removals(store: LogStore, count: number): Promise<string[]> {
  const stop = new AbortController();
  const seen: string[] = [];
  for await (const piece of tailLines(store, { ps: "logs" }, 1000, stop.signal)) {
    seen.push(...messagesOf(piece));
    if (seen.length >= count) stop.abort();
  }
  return seen;
}

/** The real clock, moved. */
function movedClock(): Clock & { moveBy(ms: number): void } {
  let offset = 0;
  return { ...realClock, now: () => realClock.now() + offset, moveBy: (ms) => void (offset += ms) };
}

const numbers = (ndjson: Buffer): number[] =>
  linesOf(ndjson)
    .filter((line) => line.ps === "web.1")
    .map((line) => Number(line.msg.slice(5)));

describe("log retention", (test) => {
  test("by size: the oldest segments go, as each new one begins; what is left is whole", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir, {
      segmentBytes: SEGMENT_BYTES,
      retention: { bytesMax: 10_000, ageMsMax: FOREVER },
    });
    await fill(store, 0, 400);
    const [message = ""] = await removals(store, 1);
    assert.match(message, /^Retention removed \d+ segments?: what was before 20\d\d-\S+Z$/);
    // What was told first may be of the time when less was there.
    await poll(async () => (await bytesOf(dir)) <= 10_000 + SEGMENT_BYTES || undefined);
    await store.close();
    const kept = numbers(await storedBytes(dir));
    assert.ok(kept.length >= 40 && kept.length < 200, String(kept.length));
    assert.equal(
      kept,
      Array.from({ length: kept.length }, (_, index) => 400 - kept.length + index),
    );
  });

  test("a new limit counts at once, and the newest segment always stays", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir, { segmentBytes: SEGMENT_BYTES });
    await fill(store, 0, 300);
    const before = await segmentsOf(dir);
    assert.ok(before.length > 6);
    store.retain({ bytesMax: 1, ageMsMax: FOREVER });
    await removals(store, 1);
    assert.ok((await segmentsOf(dir)).includes(before.at(-1) ?? ""));
    await poll(async () => (await segmentsOf(dir)).length <= 2 || undefined);
    await store.close();
    assert.is(numbers(await storedBytes(dir)).at(-1), 299);
  });

  test("by age: what ended before the limit goes", async (t) => {
    const dir = await t.tempDir();
    const clock = movedClock();
    const options = { segmentBytes: SEGMENT_BYTES, clock, retention: { bytesMax: FOREVER, ageMsMax: 7 * DAY_MS } };
    const store = await openStore(t, dir, options);
    await fill(store, 0, 60);
    const old = await segmentsOf(dir);
    clock.moveBy(6 * DAY_MS);
    await fill(store, 60, 120);
    assert.equal((await segmentsOf(dir)).slice(0, old.length), old);
    clock.moveBy(2 * DAY_MS);
    await fill(store, 120, 150);
    await removals(store, 1);
    const kept = await segmentsOf(dir);
    // The last of the old ones has lines of both times.
    assert.equal(
      kept.filter((segment) => old.includes(segment)),
      old.slice(-1),
    );
    assert.is(numbers(await storedBytes(dir)).at(-1), 149);
  });

  test("what is looked at when the store is opened; an index without its segment is swept", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir, { segmentBytes: SEGMENT_BYTES });
    await fill(store, 0, 100);
    await store.close();
    const orphan = "20110619T083519.123456Z.idx";
    await writeFile(join(dir, "logs", orphan), Buffer.alloc(64));
    const again = await openStore(t, dir, {
      segmentBytes: SEGMENT_BYTES,
      retention: { bytesMax: 5_000, ageMsMax: FOREVER },
    });
    await removals(again, 1);
    assert.ok((await bytesOf(dir)) < 6_000);
    assert.not.ok((await readdir(join(dir, "logs"))).includes(orphan));
  });

  test("readers and followers go on while segments go", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir, {
      segmentBytes: SEGMENT_BYTES,
      retention: { bytesMax: 9_000, ageMsMax: FOREVER },
    });
    const stop = new AbortController();
    const seen: string[] = [];
    const follower = (async (): Promise<void> => {
      for await (const piece of tailLines(store, {}, 0, stop.signal)) {
        seen.push(...messagesOf(piece));
        if (seen.includes("line 999")) stop.abort();
      }
    })();
    const reader = (async (): Promise<void> => {
      while (!stop.signal.aborted) {
        const found = numbers(await store.query({ ps: "web" }, 1_000));
        assert.equal(
          found,
          Array.from({ length: found.length }, (_, index) => (found[0] ?? 0) + index),
        );
      }
    })();
    await fill(store, 0, 1_000);
    await Promise.all([follower, reader]);
    // Whatever the follower was too slow for, it was told.
    const lines = seen.filter((msg) => msg.startsWith("line ")).map((msg) => Number(msg.slice(5)));
    const gaps = lines.filter((n, index) => index > 0 && n !== (lines[index - 1] ?? 0) + 1);
    assert.ok(gaps.length <= seen.filter((msg) => msg.startsWith("Error L11")).length, String(gaps));
    assert.equal(
      lines,
      [...lines].sort((a, b) => a - b),
    );
  });
});
