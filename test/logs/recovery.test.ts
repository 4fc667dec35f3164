import { spawnSync } from "node:child_process";
import { appendFile, mkdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { CursorFile } from "../../src/logs/cursor-file.ts";
import { describe } from "../support/suite.ts";
import { startKeeper, stopKeeper } from "./child.ts";
import { linesOf, messagesOf, openStore, segmentsOf, storedBytes, writeSpool } from "./open-store.ts";
import { byWriter, finishAgain, killKeeper, stopInBatch, storeBatch, storeLoneLines } from "./recovery-lab.ts";

const missingPrlimit = spawnSync("prlimit", ["--version"]).status === 0 ? undefined : "prlimit";

describe("log recovery", (test) => {
  test("a torn last line is cut, and the log goes on", async (t) => {
    const dir = await t.tempDir();
    let store = await openStore(t, dir);
    for (const msg of ["one", "two"]) store.append({ ps: "api", source: "heroku", msg });
    await store.close();
    const [segment = ""] = await segmentsOf(dir);
    await appendFile(join(dir, "logs", segment), '{"ts":"2026-11-23T15:42:57.164000Z","ps":"ap');
    store = await openStore(t, dir);
    store.append({ ps: "api", source: "heroku", msg: "three" });
    await store.close();
    assert.equal(messagesOf(await storedBytes(dir)), ["one", "two", "three"]);
    assert.is((await segmentsOf(dir)).length, 1);
  });

  test("a segment with nothing whole in it goes, with leftovers of interrupted writes", async (t) => {
    const dir = await t.tempDir();
    let store = await openStore(t, dir);
    store.append({ ps: "api", source: "heroku", msg: "one" });
    await store.close();
    await writeFile(join(dir, "logs", "20990101T000000.000000Z.ndjson"), '{"ts":"2099');
    await writeFile(join(dir, "logs", "20990101T000000.000000Z.idx.1.tmp"), "x");
    store = await openStore(t, dir);
    store.append({ ps: "api", source: "heroku", msg: "two" });
    await store.close();
    assert.equal(messagesOf(await storedBytes(dir)), ["one", "two"]);
    assert.is((await segmentsOf(dir)).length, 1);
  });

  test("files that are no segments are left alone", async (t) => {
    const dir = await t.tempDir();
    await mkdir(join(dir, "logs"));
    await writeFile(join(dir, "logs", "notes.ndjson"), "mine");
    const store = await openStore(t, dir);
    store.append({ ps: "api", source: "heroku", msg: "one" });
    await store.close();
    assert.is(await readFile(join(dir, "logs", "notes.ndjson"), "utf8"), "mine");
  });

  test("wherever in a batch the machine stopped: every raw line is stored once, in order", async (t) => {
    await stopInBatch(t, 12, await storeBatch(t));
  });

  test("wherever under a plan that stands for many lines the machine stopped: the same", async (t) => {
    await stopInBatch(t, 12, await storeLoneLines(t));
  });

  test("a torn slot: the one before counts", async (t) => {
    const { dir, segment, begin } = await storeBatch(t);
    const cursors = await readFile(join(dir, "logs", "cursors"));
    const { file, state } = await CursorFile.open(join(dir, "logs"));
    assert.ok(state !== undefined);
    await file.write({ ...state, offset: begin + 1_000_000, runs: [] });
    await file.close();
    const newer = await readFile(join(dir, "logs", "cursors"));
    const at = newer.findIndex((byte, index) => byte !== cursors[index]);
    newer[at + 20] = (newer[at + 20] as number) ^ 1;
    await writeFile(join(dir, "logs", "cursors"), newer);
    const messages = messagesOf(await storedBytes(dir));
    assert.equal(await finishAgain(t, dir), messages);
    assert.equal(await segmentsOf(dir), [segment]);
  });

  test("lines of the platform after a batch that was cut do not count as the batch", async (t) => {
    const { dir, begin, end, segment } = await storeBatch(t);
    const whole = byWriter(messagesOf(await storedBytes(dir)));
    await truncate(join(dir, "logs", segment), Math.floor((begin + end) / 2));
    const store = await openStore(t, dir);
    for (let index = 0; index < 3000; index += 1) store.append({ ps: "api", source: "heroku", msg: "x".repeat(100) });
    await store.close();
    assert.equal(byWriter(await finishAgain(t, dir)), whole);
  });

  test("kill -9 of the keeper, four times under load: no line lost, none doubled, all in order", async (t) => {
    await killKeeper(t, 4);
  });

  test.needing(
    missingPrlimit,
    "a full disk: lines wait in the spool, are stored later, and a line says so",
    async (t) => {
      const dir = await t.tempDir();
      const keeper = await startKeeper(t, dir, ["a:web.1:1"], ["--fsize=700000:unlimited"]);
      const total = 20_000;
      const text = Array.from({ length: total }, (_, index) => `line ${String(index)} ${"x".repeat(60)}\n`).join("");
      await writeSpool(dir, "a", text);
      await keeper.ask({ verb: "count", ps: "web" });
      const finished = keeper.ask({ verb: "finish", id: "a" });
      const stored = messagesOf(await storedBytes(dir));
      assert.ok(stored.length < total, `${String(stored.length)} lines stored`);
      assert.is(spawnSync("prlimit", ["--pid", String(keeper.child.pid), "--fsize=unlimited:unlimited"]).status, 0);
      assert.is(await finished, "finish");
      await stopKeeper(keeper);
      const lines = linesOf(await storedBytes(dir));
      assert.equal(
        lines.filter((line) => line.source === "app").map((line) => line.msg.split(" ")[1]),
        Array.from({ length: total }, (_, index) => String(index)),
      );
      const note = lines.find((line) => line.source === "heroku");
      assert.match(
        note?.msg ?? "",
        /^Lines of the last \d+s were stored late because .*; what processes wrote was kept\.$/,
      );
    },
  );
});
