import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { describe } from "../support/suite.ts";
import { openStore } from "./open-store.ts";

const MEGABYTE = Buffer.alloc(1_000_000, "abcdefghi ");

describe("odd output, much of it", (test) => {
  test("100 MB without a newline: every byte is stored, in parts, and memory stays small", async (t) => {
    const dir = await t.tempDir();
    const path = join(dir, "long");
    for (let n = 0; n < 100; n += 1) await appendFile(path, MEGABYTE);
    const store = await openStore(t, dir);
    store.attach({ id: "long", path, ps: "web.1", release: 1 });
    await store.finish("long");
    let bytes = 0;
    let parts = 0;
    for await (const piece of store.read({ ps: "web.1" }, new AbortController().signal))
      for (const line of piece.toString("utf8").trimEnd().split("\n")) {
        const { msg, cont } = JSON.parse(line) as { msg: string; cont?: number };
        assert.is(cont, parts === 0 ? undefined : 1);
        bytes += msg.length;
        parts += 1;
      }
    assert.is(bytes, 100_000_000);
    assert.ok(process.memoryUsage.rss() < 400e6);
  });
}, 120_000);
