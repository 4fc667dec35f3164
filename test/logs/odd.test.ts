import * as assert from "uvu/assert";
import { describe } from "../support/suite.ts";
import { linesOf, openStore, storedBytes, storeRaw } from "./open-store.ts";

describe("odd output", (test) => {
  test("binary output is stored as lines of valid JSON, each line once, and searched", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir);
    const raw = Buffer.alloc(300_000);
    for (let at = 0, noise = 7; at < raw.length; at += 1)
      raw[at] = (noise = (Math.imul(noise, 1_103_515_245) + 12_345) >>> 0) >>> 16;
    raw.write("\nneedle\0in\x1b[31m it\n", 150_000, "latin1");
    const lines = await storeRaw(store, dir, raw);
    const wanted = raw.toString("latin1").split("\n").length - (raw.at(-1) === 10 ? 1 : 0);
    assert.is(lines.length, wanted);
    for (const line of (await storedBytes(dir)).toString("utf8").trimEnd().split("\n"))
      assert.is(JSON.stringify(JSON.parse(line)), line);
    assert.is(linesOf(await store.query({ search: "needle\0in\x1b[31m it" }, 10)).length, 1);
  });

  test("ten thousand process names: each is found, and none is mistaken for another", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir, { segmentBytes: 400_000 });
    for (let n = 0; n < 10_000; n += 1) store.append({ ps: `run.${String(n)}`, source: "app", msg: `of ${String(n)}` });
    await store.flushed();
    assert.is((await store.processNames()).length, 10_000);
    for (const n of [0, 1, 10, 999, 1_000, 9_999]) {
      const found = linesOf(await store.query({ ps: `run.${String(n)}` }, 100));
      assert.equal(
        found.map(({ msg }) => msg),
        [`of ${String(n)}`],
      );
    }
    let counted = 0;
    for await (const { counts } of store.countByMinute({}, new AbortController().signal)) counted += counts.length;
    assert.ok(counted >= 10_000);
  });
});
