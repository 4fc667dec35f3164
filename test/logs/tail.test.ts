import * as assert from "uvu/assert";
import type { LogStore } from "../../src/logs/log-store.ts";
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
});
