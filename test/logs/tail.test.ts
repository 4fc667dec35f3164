import { rm } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { parseStamp } from "../../src/core/log-line.ts";
import type { Position } from "../../src/logs/segment-files.ts";
import type { LogStore } from "../../src/logs/log-store.ts";
import { rejects } from "../support/assert.ts";
import { describe } from "../support/suite.ts";
import { linesOf, openStore, segmentsOf, storedBytes, tailLines, textLines } from "./open-store.ts";

function add(store: LogStore, from: number, to: number): void {
  for (let index = from; index < to; index += 1)
    store.append({ ps: index % 3 === 0 ? "worker.1" : "web.1", source: "app", msg: `line ${String(index)}` });
}

/** Reads until a line has the text, and returns all messages up to the end of that piece. */
async function readUntil(pieces: AsyncIterator<Buffer>, text: string): Promise<string[]> {
  const messages: string[] = [];
  while (messages.at(-1) !== text) {
    const piece = await pieces.next();
    if (piece.done === true) throw new Error(`The stream ended before "${text}".`);
    messages.push(...linesOf(piece.value).map((line) => line.msg));
  }
  return messages;
}

const numbered = (from: number, to: number, isWanted: (index: number) => boolean = () => true): string[] =>
  Array.from({ length: to - from }, (_, index) => index + from)
    .filter((index) => isWanted(index))
    .map((index) => `line ${String(index)}`);

describe("log tail", (test) => {
  test("history first, then what comes", async (t) => {
    const store = await openStore(t, await t.tempDir());
    add(store, 0, 10);
    const stop = new AbortController();
    const pieces = tailLines(store, {}, 3, stop.signal)[Symbol.asyncIterator]();
    assert.equal(await readUntil(pieces, "line 9"), numbered(7, 10));
    add(store, 10, 12);
    assert.equal(await readUntil(pieces, "line 11"), numbered(10, 12));
    const waiting = pieces.next();
    stop.abort();
    assert.is((await waiting).done, true);
  });

  test("waits on an empty log, and ends when the store closes", async (t) => {
    const store = await openStore(t, await t.tempDir());
    const pieces = tailLines(store, { ps: "web" }, 100, new AbortController().signal)[Symbol.asyncIterator]();
    const first = pieces.next();
    add(store, 0, 2);
    assert.equal(linesOf((await first).value ?? Buffer.alloc(0))[0]?.msg, "line 1");
    const waiting = pieces.next();
    add(store, 2, 3);
    await store.close();
    assert.equal(linesOf((await waiting).value ?? Buffer.alloc(0))[0]?.msg, "line 2");
    assert.is((await pieces.next()).done, true);
  });

  test("an aborted signal ends it at once", async (t) => {
    const store = await openStore(t, await t.tempDir());
    add(store, 0, 2);
    assert.is((await tailLines(store, {}, 100, AbortSignal.abort()).next()).done, true);
  });

  test("joins under load and across rotation: nothing is missing, doubled or out of order", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir, { segmentBytes: 30_000 });
    const total = 12_000;
    const follower = async (historyLines: number, ps: string | undefined): Promise<string[]> => {
      const seen: string[] = [];
      for await (const piece of tailLines(store, { ps }, historyLines, new AbortController().signal)) {
        seen.push(...linesOf(piece).map((line) => line.msg));
        if (seen.at(-1) === `line ${String(total - 2)}` || seen.at(-1) === `line ${String(total - 1)}`) break;
      }
      return seen;
    };
    const followers: Promise<string[]>[] = [];
    for (let index = 0; index < total; index += 40) {
      add(store, index, index + 40);
      if (index % 1200 === 0) followers.push(follower(index % 2400 === 0 ? 0 : 7, undefined), follower(5, "web.1"));
      // Some batches are large, some small; a follower joins between any two.
      if (index % 120 === 0) await store.flushed();
    }
    await store.flushed();
    assert.ok((await segmentsOf(dir)).length > 20);
    for (const [number, seen] of (await Promise.all(followers)).entries()) {
      const first = Number(seen[0]?.slice(5));
      const isWanted = (index: number): boolean => number % 2 === 0 || index % 3 !== 0;
      const last = Number(seen.at(-1)?.slice(5));
      assert.equal(seen, numbered(first, last + 1, isWanted));
      assert.ok(last >= total - 2);
    }
  });

  test("a slow consumer keeps nobody waiting and still gets every line", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir, { segmentBytes: 200_000 });
    add(store, 0, 1);
    const pieces = tailLines(store, {}, 1, new AbortController().signal)[Symbol.asyncIterator]();
    await readUntil(pieces, "line 0");
    for (let index = 1; index < 20_001; index += 1000) {
      add(store, index, index + 1000);
      await store.flushed();
    }
    assert.equal(await readUntil(pieces, "line 20000"), numbered(1, 20_001));
    await pieces.return?.();
  });

  test("gives whole stored lines, byte for byte", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir);
    store.append({ ps: "web.1", source: "app", msg: `"long" ${"é".repeat(200_000)}` });
    const stop = new AbortController();
    const pieces = tailLines(store, {}, 100, stop.signal)[Symbol.asyncIterator]();
    const piece = (await pieces.next()).value ?? Buffer.alloc(0);
    assert.ok(piece.equals(await storedBytes(dir)));
    assert.is(textLines(piece).length, 7);
    stop.abort();
    assert.is((await pieces.next()).done, true);
  });

  test("with a beginning and no number: everything from there on, then what comes", async (t) => {
    const store = await openStore(t, await t.tempDir(), { segmentBytes: 1_000 });
    for (let index = 0; index < 60; index += 5) {
      add(store, index, index + 5);
      await store.flushed();
    }
    const all = linesOf(await store.query({}, 1000));
    const sinceUs = parseStamp(all[30]?.ts ?? "") ?? 0;
    const first = all.findIndex((line) => (parseStamp(line.ts) ?? 0) >= sinceUs);
    const stop = new AbortController();
    const pieces = tailLines(store, { sinceUs }, undefined, stop.signal);
    assert.equal(await readUntil(pieces, "line 59"), numbered(first, 60));
    add(store, 60, 61);
    assert.equal(await readUntil(pieces, "line 60"), ["line 60"]);
    stop.abort();
    assert.is((await pieces.next()).done, true);
  });

  test("goes on from the place that it told last", async (t) => {
    const dir = await t.tempDir();
    let store = await openStore(t, dir, { segmentBytes: 3_000 });
    const seen: string[] = [];
    let after: Position | undefined;
    for (let round = 0; round < 8; round += 1) {
      const from = round * 40;
      const stop = new AbortController();
      const pieces = store.tail({ lines: 1000, after, search: "line" }, stop.signal)[Symbol.asyncIterator]();
      if (round === 0) await pieces.next();
      for (let index = from; index < from + 40; index += 10) {
        add(store, index, index + 10);
        await store.flushed();
      }
      // Each round ends somewhere else, the rest is the next one's.
      while (seen.length < from + 1 + round * 5) {
        const { value } = await pieces.next();
        if (!value) throw new Error("The stream ended.");
        seen.push(...linesOf(value.lines).map((line) => line.msg));
        after = value.next;
      }
      stop.abort();
      if (round % 2 === 1) {
        await store.close();
        store = await openStore(t, dir, { segmentBytes: 3_000 });
      }
    }
    assert.ok((await segmentsOf(dir)).length > 8);
    assert.equal(seen, numbered(0, seen.length));
    assert.ok(seen.length > 280);
  });

  test("a segment that is gone before a slow follower has read it: L11, and on with the next", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir, { segmentBytes: 3_000 });
    add(store, 0, 1);
    const stop = new AbortController();
    const pieces = tailLines(store, {}, 1, stop.signal);
    await readUntil(pieces, "line 0");
    for (let index = 1; index < 100; index += 10) {
      add(store, index, index + 10);
      await store.flushed();
    }
    const segments = await segmentsOf(dir);
    for (const segment of segments.slice(0, 2)) await rm(join(dir, "logs", segment));
    const kept = linesOf(await storedBytes(dir)).map((line) => line.msg);
    const seen = await readUntil(pieces, "line 100");
    const losses = seen.filter((msg) => msg.startsWith("Error L11 (Tail buffer overflow)"));
    assert.equal(seen.slice(losses.length), kept);
    assert.ok(losses.length >= 1);
    assert.match(losses[0] ?? "", /dropped messages from 20\d\d-\S+Z to 20\d\d-\S+Z: they were removed/);
    stop.abort();
    assert.is((await pieces.next()).done, true);
  });

  test("a place of a power cut's lost second is its new end; one within a line is none", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir);
    add(store, 0, 3);
    await store.flushed();
    const [segment = ""] = await segmentsOf(dir);
    const stop = new AbortController();
    const pieces = tailLines(store, { after: { segment, offset: 10_000 } }, 5, stop.signal);
    const next = pieces.next();
    while (true) {
      add(store, 7, 8);
      if (await Promise.race([next.then(() => true), store.flushed().then(() => false)])) break;
    }
    assert.is(linesOf((await next).value ?? Buffer.alloc(0))[0]?.msg, "line 7");
    stop.abort();
    await pieces.next();
    const wrong = store.tail({ after: { segment, offset: 5 } }, new AbortController().signal).next();
    assert.match(String(await rejects(wrong)), "No line ends at ");
  });
});
