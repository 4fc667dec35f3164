import { spawnSync } from "node:child_process";
import { appendFile, cp, mkdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { watch } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { CursorFile } from "../../src/logs/cursor-file.ts";
import type { LogStore } from "../../src/logs/log-store.ts";
import { describe } from "../support/suite.ts";
import type { TestContext } from "../support/suite.ts";
import { exited, programPath, startApp, startKeeper, stopKeeper } from "./child.ts";
import { linesOf, messagesOf, openStore, segmentsOf, storedBytes, writeSpool } from "./open-store.ts";

const missingPrlimit = spawnSync("prlimit", ["--version"]).status === 0 ? undefined : "prlimit";

interface LastBatch {
  dir: string;
  segment: string;
  begin: number;
  end: number;
}

/** A log whose last batch holds lines of three spools: it is written while a new segment keeps the writer busy. */
async function storeBatch(t: TestContext): Promise<LastBatch> {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const dir = await t.tempDir();
    const store = await openStore(t, dir);
    for (const id of ["a", "b", "c"]) {
      const lines = Array.from({ length: 30 }, (_, index) => `${id} ${String(index)} ${"é".repeat(index * 3)}\n`);
      const long = id === "b" ? `${"😀".repeat(40_000)}\n` : "";
      await writeSpool(dir, id, `${lines.join("")}${long}${id} last\n`);
    }
    store.append({ ps: "api", source: "heroku", msg: "x".repeat(60_000) });
    attachAll(store, dir);
    await Promise.all(["a", "b", "c"].map((id) => store.finish(id)));
    await store.close();
    const { file, state } = await CursorFile.open(join(dir, "logs"));
    await file.close();
    const [segment = ""] = await segmentsOf(dir);
    if (state?.segment !== segment || new Set(state.runs.map((run) => run.spool)).size < 3) continue;
    return { dir, segment, begin: state.offset, end: (await stat(join(dir, "logs", segment))).size };
  }
  throw new Error("The spools never met in one batch.");
}

function attachAll(store: LogStore, dir: string): void {
  for (const id of ["a", "b", "c"])
    store.attach({ id, path: join(dir, id), ps: id === "c" ? "worker.1" : "web.1", release: 1 });
}

async function finishAgain(t: TestContext, dir: string): Promise<string[]> {
  const store = await openStore(t, dir);
  attachAll(store, dir);
  await Promise.all(["a", "b", "c"].map((id) => store.finish(id)));
  await store.close();
  return messagesOf(await storedBytes(dir));
}

function byWriter(messages: readonly string[]): Record<string, string[]> {
  const of = (id: string): string[] => messages.filter((message) => message.startsWith(id));
  return { a: of("a "), b: [...of("b "), ...of("😀")], c: of("c ") };
}

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
    const { dir: original, begin, end, segment } = await storeBatch(t);
    const whole = byWriter(messagesOf(await storedBytes(original)));
    assert.is(whole["a"]?.length, 31);
    const cuts = [begin, begin + 1, end - 1, end];
    for (let cut = begin; cut < end; cut += Math.ceil((end - begin) / 40)) cuts.push(cut);
    const dir = join(await t.tempDir(), "copy");
    for (const cut of cuts) {
      await rm(dir, { recursive: true, force: true });
      await cp(original, dir, { recursive: true });
      await movePaths(dir, original);
      await truncate(join(dir, "logs", segment), cut);
      assert.equal(
        byWriter(await finishAgain(t, dir)),
        whole,
        `cut at ${String(cut)} of ${String(begin)}–${String(end)}`,
      );
    }
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

  test("kill -9 of the keeper, ten times under load: no line lost, none doubled, all in order", async (t) => {
    const dir = await t.tempDir();
    await mkdir(join(dir, "logs"));
    const spools = ["old:web.1:1", "new:web.1:1", "worker:worker.1:1"];
    const ids = spools.map((spool) => spool.split(":")[0] ?? "");
    const apps = ids.map((id, index) =>
      startApp(t, join(dir, id), [programPath("talker"), id, String(5 + index * 40)]),
    );
    for (let round = 0; round < 10; round += 1) {
      const keeper = await startKeeper(t, dir, spools);
      await changesIn(join(dir, "logs"), 1 + Math.floor(Math.random() * 60));
      keeper.child.kill("SIGKILL");
      await exited(keeper.child);
    }
    for (const app of apps) app.stdin?.end();
    for (const app of apps) assert.is(await exited(app), 0);
    const last = await startKeeper(t, dir, spools);
    for (const id of ids) assert.is(await last.ask({ verb: "finish", id }), "finish");
    await stopKeeper(last);
    const lines = linesOf(await storedBytes(dir));
    for (const id of ids)
      checkTalk(
        id,
        lines.map((line) => line.msg),
      );
    assert.ok(lines.every((line, index) => index === 0 || line.ts >= (lines[index - 1]?.ts ?? "")));
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

/** Spool paths are absolute: a copy of the whole directory must point to its own. */
async function movePaths(dir: string, original: string): Promise<void> {
  const { file, state } = await CursorFile.open(join(dir, "logs"));
  assert.ok(state !== undefined);
  for (const spool of state.spools) spool.path = spool.path.replace(original, dir);
  await file.write(state);
  await file.close();
}

/** Waits for so many changes of files in the directory: a moment in the midst of writing. */
async function changesIn(dir: string, changes: number): Promise<void> {
  await new Promise<void>((resolve) => {
    let left = changes;
    const watcher = watch(dir, () => {
      left -= 1;
      if (left > 0) return;
      watcher.close();
      resolve();
    });
  });
}

/** Puts cut lines together again and checks the numbers of one talker. */
function checkTalk(id: string, messages: readonly string[]): void {
  const own = messages.filter((message) => message.startsWith(`${id} `));
  assert.ok(own.length > 100, `${id} said only ${String(own.length)} lines`);
  assert.equal(
    own.map((message) => message.split(" ")[1]),
    own.map((_, index) => String(index)),
    id,
  );
  assert.is(own.at(-1)?.split(" ")[2], "end");
}
