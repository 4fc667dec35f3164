/** Finished segments, as they leave for an archive. */
import { createHash } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { describe } from "../support/suite.ts";
import { openStore, segmentsOf } from "./open-store.ts";

describe("sealed segments", (test) => {
  test("all but the newest, byte for byte, until retention takes them", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir, { segmentBytes: 2_000 });
    for (let batch = 0; batch < 3; batch += 1) {
      for (let index = 0; index < 30; index += 1) store.append({ ps: "web.1", source: "app", msg: "x".repeat(80) });
      await store.flushed();
    }
    const segments = await segmentsOf(dir);
    const sealed = store.sealed();
    const listed = await sealed.list();
    assert.ok(listed.length >= 2);
    assert.equal(
      listed.map(({ name }) => name),
      segments.slice(0, -1),
    );
    const [first, second] = listed as [(typeof listed)[0], (typeof listed)[0]];
    const bytes = await readFile(join(dir, "logs", first.name));
    const found = await sealed.open(first.name);
    const pieces: Buffer[] = [];
    for await (const piece of found?.content ?? []) pieces.push(piece);
    assert.ok(Buffer.concat(pieces).equals(bytes));
    assert.equal([found?.bytes, first.bytes], [bytes.length, bytes.length]);
    assert.is(found?.digest, createHash("sha256").update(bytes).digest("base64"));
    assert.ok(
      (await sealed.index(first.name))?.equals(await readFile(join(dir, "logs", first.name.replace("ndjson", "idx")))),
    );
    assert.is(await sealed.open(segments.at(-1) ?? ""), undefined);
    assert.is(await sealed.open("../logs/cursors"), undefined);
    await rm(join(dir, "logs", second.name));
    assert.is(await sealed.open(second.name), undefined);
    assert.equal((await sealed.list()).length, listed.length - 1);
  });
});
