/** What filters take, and what becomes of searches that go wrong. */
import { appendFile, copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as assert from "uvu/assert";
import type { LogLine } from "../../src/core/log-line.ts";
import type { LogFilter, LogQuery, LogStore } from "../../src/logs/log-store.ts";
import { StoredLogs } from "../../src/logs/stored-logs.ts";
import { rejects } from "../support/assert.ts";
import { describe } from "../support/suite.ts";
import { linesOf, messagesOf, openStore, segmentsOf } from "./open-store.ts";

async function ask(store: Pick<LogStore, "read">, query: LogQuery): Promise<LogLine[]> {
  const pieces: Buffer[] = [];
  for await (const piece of store.read(query, new AbortController().signal)) pieces.push(Buffer.from(piece));
  return linesOf(Buffer.concat(pieces));
}

async function messages(store: LogStore, filter: LogFilter): Promise<string[]> {
  return messagesOf(await store.query(filter, 100));
}

function appendAll(store: LogStore, texts: string[]): void {
  for (const msg of texts) store.append({ ps: "web.1", source: "app", msg });
}

describe("log filters", (test) => {
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
      await sleep(2);
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
