/** Lines around hits: of the same process, stack traces whole, backwards and forwards alike. */
import fc from "fast-check";
import * as assert from "uvu/assert";
import { ContextPicker } from "../../src/logs/context-picker.ts";
import type { LogStore } from "../../src/logs/log-store.ts";
import { describe } from "../support/suite.ts";
import { naiveContext, type PickedLine } from "./naive-context.ts";
import { messagesOf, openStore, tailLines } from "./open-store.ts";

function pick(lines: readonly PickedLine[], count: number, direction: "forward" | "backward"): number[] {
  const picker = new ContextPicker<number>(count, direction);
  const entries = [...lines.entries()];
  return (direction === "forward" ? entries : entries.toReversed()).flatMap(([place, line]) =>
    picker.pass({ ...line, place }),
  );
}

const TRACE = [
  "Error: boom",
  "    at one (a.js:1)",
  "    at two (a.js:2)",
  "    at three (a.js:3)",
  "    at four (a.js:4)",
];

function append(store: LogStore, ps: string, ...texts: string[]): void {
  for (const msg of texts) store.append({ ps, source: "app", msg });
}

async function ask(store: LogStore, search: string, context: number, lines: number | undefined): Promise<string[]> {
  const pieces: Buffer[] = [];
  const query = { search, context, lines };
  for await (const piece of store.read(query, new AbortController().signal)) pieces.push(Buffer.from(piece));
  return messagesOf(Buffer.concat(pieces));
}

describe("log context", (test) => {
  test("the picker takes what the rule says", () => {
    const line = fc.record({ ps: fc.constantFrom("a", "b"), isHit: fc.boolean(), isContinuation: fc.boolean() });
    fc.assert(
      fc.property(fc.array(line, { maxLength: 40 }), fc.integer({ min: 1, max: 4 }), (lines, count) => {
        for (const direction of ["forward", "backward"] as const) {
          const picked = pick(lines, count, direction).sort((a, b) => a - b);
          assert.equal(picked, naiveContext(lines, count), direction);
        }
      }),
    );
  });

  test("neighbours of the same process, and the whole trace", async (t) => {
    const store = await openStore(t, await t.tempDir(), { segmentBytes: 900 });
    append(store, "web.1", "one", "two", "three");
    for (const [index, text] of TRACE.entries()) {
      append(store, "web.1", text);
      append(store, "web.2", `other ${String(index)}`);
      await store.flushed();
    }
    append(store, "web.1", "four", "five");
    for (const lines of [undefined, 100]) {
      assert.equal(await ask(store, "boom", 1, lines), ["three", ...TRACE]);
      assert.equal(await ask(store, "at three", 1, lines), TRACE);
      assert.equal(await ask(store, "other 3", 1, lines), ["other 2", "other 3", "other 4"]);
      assert.equal(await ask(store, "four", 2, lines), [...TRACE, "four", "five"]);
      assert.equal(await ask(store, "nosuch", 2, lines), []);
    }
  });

  test("N counts hits, the context comes on top", async (t) => {
    const store = await openStore(t, await t.tempDir());
    for (let n = 0; n < 30; n += 1) append(store, "web.1", n % 10 === 5 ? `hit ${String(n)}` : `line ${String(n)}`);
    assert.equal(await ask(store, "hit", 1, 2), ["line 14", "hit 15", "line 16", "line 24", "hit 25", "line 26"]);
    assert.equal(await ask(store, "hit", 1, 0), []);
  });

  test("a follower's hits have their context, also across the end of the history", async (t) => {
    const store = await openStore(t, await t.tempDir());
    append(store, "web.1", "before", ...TRACE.slice(0, 2));
    await store.flushed();
    const stop = new AbortController();
    const seen: string[] = [];
    const reading = (async (): Promise<void> => {
      for await (const piece of tailLines(store, { search: "boom", context: 1 }, 10, stop.signal)) {
        seen.push(...messagesOf(piece));
        if (seen.length === 3) append(store, "web.1", ...TRACE.slice(2), "later", "quiet", "boom again", "end");
        if (seen.at(-1) === "end") stop.abort();
      }
    })();
    await reading;
    assert.equal(seen, ["before", ...TRACE, "quiet", "boom again", "end"]);
  });

  test("a first hit that is still to come has the lines that were there already", async (t) => {
    const store = await openStore(t, await t.tempDir());
    append(store, "web.1", "one", "two");
    const stop = new AbortController();
    const pieces = tailLines(store, { search: "boom", context: 1 }, 10, stop.signal);
    const first = pieces.next();
    append(store, "web.1", "boom");
    assert.equal(messagesOf((await first).value ?? Buffer.alloc(0)), ["two", "boom"]);
    stop.abort();
    assert.is((await pieces.next()).done, true);
  });
});
