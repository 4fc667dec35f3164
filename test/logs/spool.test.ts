import { spawnSync } from "node:child_process";
import { appendFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { LogStore } from "../../src/logs/log-store.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";
import { exited, startApp } from "./child.ts";
import { linesOf, messagesOf, openStore, storeRaw, storedBytes, writeSpool, tailLines } from "./open-store.ts";

/** Waits until a line with this message is stored. */
async function seen(store: LogStore, message: string): Promise<void> {
  const stop = new AbortController();
  for await (const piece of tailLines(store, {}, 1000, stop.signal)) if (messagesOf(piece).includes(message)) return;
}

const missingFallocate = spawnSync("fallocate", ["--version"]).status === 0 ? undefined : "fallocate";

describe("log spools", (test) => {
  test("raw output becomes records of the app, with process, release and level", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir);
    const lines = await storeRaw(store, dir, "listening\n[error] no\r\nlast words");
    assert.equal(
      lines.map((line) => Object.assign(line, { ts: "" })),
      [
        { ts: "", ps: "web.1", source: "app", release: 74, msg: "listening" },
        { ts: "", ps: "web.1", source: "app", release: 74, level: "error", msg: "[error] no" },
        { ts: "", ps: "web.1", source: "app", release: 74, msg: "last words" },
      ],
    );
  });

  test("what the app wrote before it was attached comes first, then what it writes", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir);
    const path = await writeSpool(dir, "a", "before\nhalf");
    store.attach({ id: "a", path, ps: "web.1", release: 1 });
    await seen(store, "before");
    await appendFile(path, " a line\n");
    await seen(store, "half a line");
    await appendFile(path, "\n");
    await store.finish("a");
    assert.equal(messagesOf(await storedBytes(dir)), ["before", "half a line", ""]);
  });

  test("several spools, of the same process too, are read side by side", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir);
    const ids = ["old", "new", "worker"];
    for (const id of ids) {
      const text = Array.from({ length: 20_000 }, (_, index) => `${id} ${String(index)}\n`).join("");
      const path = await writeSpool(dir, id, text);
      store.attach({ id, path, ps: id === "worker" ? "worker.1" : "web.1", release: 2 });
    }
    await Promise.all(ids.map((id) => store.finish(id)));
    const messages = messagesOf(await storedBytes(dir));
    for (const id of ids)
      assert.equal(
        messages.filter((message) => message.startsWith(id)),
        Array.from({ length: 20_000 }, (_, index) => `${id} ${String(index)}`),
      );
    assert.is(messages.length, 60_000);
  });

  test("invalid UTF-8 becomes U+FFFD, only where it is", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir);
    const raw = Buffer.concat([
      Buffer.from("é\n"),
      Buffer.from([0x61, 0xff, 0xc3, 10]),
      Buffer.from("😀\n"),
      Buffer.from([0xe2]),
    ]);
    assert.equal(
      (await storeRaw(store, dir, raw)).map((line) => line.msg),
      ["é", "a\ufffd\ufffd", "😀", "\ufffd"],
    );
  });

  test("a long line arrives in parts even before it ends", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir);
    const lines = await storeRaw(store, dir, `${"x".repeat(200_000)}\nnext\n`);
    assert.equal(
      lines.map((line) => [line.cont, line.msg.length]),
      [
        [undefined, 65_536],
        [1, 65_536],
        [1, 65_536],
        [1, 3392],
        [undefined, 4],
      ],
    );
  });

  test("a file that is emptied is read from its start", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir);
    const path = await writeSpool(dir, "a", "one, and long enough\n");
    store.attach({ id: "a", path, ps: "web.1", release: 1 });
    await seen(store, "one, and long enough");
    await truncate(path, 0);
    await appendFile(path, "two\n");
    await seen(store, "two");
    await store.finish("a");
    assert.equal(messagesOf(await storedBytes(dir)), ["one, and long enough", "two"]);
  });

  test("a Node app that prints 50,000 lines and throws: every line and the whole stack trace", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir);
    const path = await writeSpool(dir, "a", "");
    store.attach({ id: "a", path, ps: "web.1", release: 1 });
    const code =
      'for (let i = 0; i < 50000; i++) console.log("line " + i); function f() { throw new Error("boom"); } f();';
    assert.is(await exited(startApp(t, path, ["-e", code])), 1);
    await store.finish("a");
    const lines = linesOf(await storedBytes(dir));
    const messages = lines.map((line) => line.msg);
    assert.equal(
      messages.slice(0, 50_000),
      Array.from({ length: 50_000 }, (_, index) => `line ${String(index)}`),
    );
    const trace = messages.slice(50_000);
    assert.ok(trace.includes("Error: boom"));
    assert.ok(trace.some((line) => line.startsWith("    at f ")));
    assert.match(trace.at(-1) ?? "", /^Node\.js v/);
    assert.is(lines.find((line) => line.msg === "Error: boom")?.level, "error");
  });

  test("finished and gone is forgotten; finished and still there is not read again", async (t) => {
    const dir = await t.tempDir();
    let store = await openStore(t, dir);
    await storeRaw(store, dir, "once\n");
    await store.finish("unknown");
    await store.close();
    store = await openStore(t, dir);
    assert.equal(await storeRaw(store, dir, "twice\n").then((lines) => lines.map((line) => line.msg)), ["twice"]);
    await rm(join(dir, "raw"));
    await store.close();
    store = await openStore(t, dir);
    assert.equal(await storeRaw(store, dir, "a new file\n").then((lines) => lines.map((line) => line.msg)), [
      "a new file",
    ]);
  });

  test("closing leaves a half line in the spool, and finish says that it is not done", async (t) => {
    const dir = await t.tempDir();
    let store = await openStore(t, dir);
    const path = await writeSpool(dir, "a", "whole\nhal");
    store.attach({ id: "a", path, ps: "web.1", release: 1 });
    await seen(store, "whole");
    await store.close();
    await refuses("unavailable", () => store.finish("a"));
    store = await openStore(t, dir);
    await appendFile(path, "f\n");
    store.attach({ id: "a", path, ps: "web.1", release: 1 });
    await store.finish("a");
    assert.equal(messagesOf(await storedBytes(dir)), ["whole", "half"]);
  });

  test("a spool that cannot be read is told in the log", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir);
    await writeFile(join(dir, "file"), "");
    store.attach({ id: "a", path: join(dir, "file", "spool"), ps: "web.1", release: 1 });
    await refuses("unavailable", () => store.finish("a"));
    const [line] = linesOf(await store.query({ source: "heroku" }, 1));
    assert.is(line?.msg, "Cannot read the output of web.1 (ENOTDIR); its lines are missing here.");
  });

  test.needing(missingFallocate, "disk blocks behind the cursor are given back while the app writes on", async (t) => {
    const dir = await t.tempDir();
    const store = await openStore(t, dir, { punchBytes: 1_000_000 });
    const path = await writeSpool(dir, "a", "");
    store.attach({ id: "a", path, ps: "web.1", release: 1 });
    let count = 0;
    const isFreed = async (): Promise<boolean> => {
      const { size, blocks } = await stat(path);
      return blocks * 512 < size / 2;
    };
    // Giving back is slower than writing on a busy machine, and catches up.
    for (let round = 0; round < 20 || (round < 100 && !(await isFreed())); round += 1) {
      let text = "";
      for (let index = 0; index < 4000; index += 1) text += `${String((count += 1))} ${"x".repeat(90)}\n`;
      await appendFile(path, text);
      await seen(store, `${String(count)} ${"x".repeat(90)}`);
    }
    await store.finish("a");
    await store.close();
    assert.ok(await isFreed());
    const numbers = messagesOf(await storedBytes(dir)).map((message) => Number(message.split(" ")[0]));
    assert.equal(
      numbers,
      Array.from({ length: count }, (_, index) => index + 1),
    );
  });
});
