/** What a stop in the midst of writing leaves of a log, and what the next daemon makes of it. */
import { appendFile, cp, mkdir, readFile, rm, stat, truncate } from "node:fs/promises";
import { watch } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { CursorFile, type CursorState } from "../../src/logs/cursor-file.ts";
import type { LogStore } from "../../src/logs/log-store.ts";
import { neverBeCareful } from "../../src/logs/quick-io.ts";
import { poll } from "../support/poll.ts";
import type { TestContext } from "../support/suite.ts";
import { exited, programPath, startApp, startKeeper, stopKeeper } from "./child.ts";
import { linesOf, messagesOf, openStore, segmentsOf, storedBytes, writeSpool } from "./open-store.ts";

interface LastBatch {
  dir: string;
  segment: string;
  begin: number;
  end: number;
}

/** A log whose last batch holds lines of three spools: it is written while a new segment keeps the writer busy. */
export async function storeBatch(t: TestContext): Promise<LastBatch> {
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
    const state = await planIn(dir);
    const [segment = ""] = await segmentsOf(dir);
    if (state.segment !== segment || new Set(state.runs.map((run) => run.spool)).size < 3) continue;
    return { dir, segment, begin: state.offset, end: (await stat(join(dir, "logs", segment))).size };
  }
  throw new Error("The spools never met in one batch.");
}

function attachAll(store: LogStore, dir: string): void {
  for (const id of ["a", "b", "c"])
    store.attach({ id, path: join(dir, id), ps: id === "c" ? "worker.1" : "web.1", release: 1 });
}

/** A log of single lines, each stored by itself under a plan that stands for many, and kept as a kill leaves it. */
export async function storeLoneLines(t: TestContext): Promise<LastBatch> {
  neverBeCareful();
  const [live, dir] = [await t.tempDir(), await t.tempDir()];
  const store = await openStore(t, live);
  await writeSpool(live, "a", "");
  store.attach({ id: "a", path: join(live, "a"), ps: "web.1", release: 1 });
  for (let lines = 1; lines < 500; lines += 1) {
    await appendFile(join(live, "a"), `a ${String(lines)} ${"é".repeat(lines % 7)}\n`);
    await poll(async () => (await store.count({}, new AbortController().signal)) === lines || undefined);
    const { segment, offset: begin, runs } = await planIn(live);
    const end = (await stat(join(live, "logs", segment))).size;
    if (runs[0]?.isStanding !== true || end < begin + 1000) continue;
    await cp(live, dir, { recursive: true });
    await movePaths(dir, live);
    return { dir, segment, begin, end };
  }
  throw new Error("No plan ever stood for many lines.");
}

async function planIn(dir: string): Promise<CursorState> {
  const { file, state } = await CursorFile.open(join(dir, "logs"));
  await file.close();
  assert.ok(state !== undefined);
  return state;
}

export async function finishAgain(t: TestContext, dir: string): Promise<string[]> {
  const store = await openStore(t, dir);
  attachAll(store, dir);
  await Promise.all(["a", "b", "c"].map((id) => store.finish(id)));
  await store.close();
  return messagesOf(await storedBytes(dir));
}

export function byWriter(messages: readonly string[]): Record<string, string[]> {
  const of = (id: string): string[] => messages.filter((message) => message.startsWith(id));
  return { a: of("a "), b: [...of("b "), ...of("😀")], c: of("c ") };
}

/** Cuts the log at the ends of a batch and at so many places within it, and lets the next daemon go on. */
export async function stopInBatch(
  t: TestContext,
  places: number,
  { dir: original, begin, end, segment }: LastBatch,
): Promise<void> {
  const whole = byWriter(messagesOf(await storedBytes(original)));
  assert.ok((whole["a"]?.length ?? 0) > 5);
  const cuts = [begin, begin + 1, end - 1, end];
  for (let cut = begin; cut < end; cut += Math.ceil((end - begin) / places)) cuts.push(cut);
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
}

/** Kills the keeper that often while three processes write, and reads what is stored in the end. */
export async function killKeeper(t: TestContext, rounds: number): Promise<void> {
  const dir = await t.tempDir();
  await mkdir(join(dir, "logs"));
  const spools = ["old:web.1:1", "new:web.1:1", "worker:worker.1:1"];
  const ids = spools.map((spool) => spool.split(":")[0] ?? "");
  const apps = ids.map((id, index) => startApp(t, join(dir, id), [programPath("talker"), id, String(5 + index * 40)]));
  for (let round = 0; round < rounds; round += 1) {
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
  const talks = new Map(ids.map((id) => [id, new Talk(id)]));
  let ts = "";
  // Segment by segment: of all of them there may be more than one string can hold.
  for (const segment of await segmentsOf(dir)) {
    for (const line of linesOf(await readFile(join(dir, "logs", segment)))) {
      if (line.ts < ts) assert.unreachable(`${line.ts} behind ${ts}`);
      ts = line.ts;
      talks.get(line.msg.split(" ", 1)[0] ?? "")?.hear(line.msg);
    }
  }
  for (const talk of talks.values()) talk.checkEnd();
}

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

/** What one talker said: its lines are numbered, and the last one says that it is. */
class Talk {
  private readonly id: string;
  private count = 0;
  private last = "";

  constructor(id: string) {
    this.id = id;
  }

  hear(message: string): void {
    const [, number = "", rest = ""] = message.split(" ");
    assert.is(number, String(this.count), this.id);
    this.count += 1;
    this.last = rest;
  }

  checkEnd(): void {
    assert.ok(this.count > 100, `${this.id} said only ${String(this.count)} lines`);
    assert.is(this.last, "end");
  }
}
