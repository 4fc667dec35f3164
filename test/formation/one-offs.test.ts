/** One-off processes: real ones, on the runtime of this machine. */
import { randomUUID } from "node:crypto";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { LocalRuntime } from "../../src/formation/local-runtime.ts";
import type { OneOffEnd } from "../../src/formation/one-off.ts";
import { OneOffNumbers } from "../../src/formation/one-off-numbers.ts";
import { ONE_OFFS_MAX, ONE_OFF_TIME_MAX_MS, OneOffs, type OneOffOrder } from "../../src/formation/one-offs.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";
import type { TestContext } from "../support/suite.ts";
import { FIXTURES, MISSING_PROC, PATH, processesUnder, realClock, stage, target, Witness } from "./support.ts";

const PROGRAM = fileURLToPath(new URL("absent-one-offs.js", import.meta.url));

interface OneOffStage {
  oneOffs: OneOffs;
  runtime: LocalRuntime;
  witness: Witness;
  ends: OneOffEnd[];
  appsDirectory: string;
}

async function open(t: TestContext, appsDirectory: string): Promise<OneOffStage> {
  const runtime = await LocalRuntime.open({ appsDirectory, clock: realClock, sweepMs: 200 });
  const witness = new Witness();
  const ends: OneOffEnd[] = [];
  const oneOffs = new OneOffs({
    app: "foobaz",
    runtime,
    clock: realClock,
    numbers: new OneOffNumbers(join(appsDirectory, "last-run")),
    callbacks: {
      log: (line) => witness.log(line),
      onProcess: (instance) => witness.onProcess(instance),
      onExit: (instance) => witness.onExit(instance),
      onEnd: async (end) => void ends.push(end),
      onFault: (error) => witness.onFault(error),
    },
  });
  t.after(async () => {
    await oneOffs.shutdown({ stopApps: true });
    await runtime.close({ detach: false });
    if (witness.faults.length > 0) throw witness.faults[0];
  });
  return { oneOffs, runtime, witness, ends, appsDirectory };
}

function order(command: string, more: Partial<OneOffOrder> = {}): OneOffOrder {
  return {
    id: randomUUID(),
    release: 7,
    command,
    cargo: { appDir: join(FIXTURES, "hello"), env: { PATH, A: "1" } },
    timeLimitMs: ONE_OFF_TIME_MAX_MS,
    ...more,
  };
}

describe("one-off processes", (test) => {
  test("one runs once, in its release, and its whole life is told", async (t) => {
    const { oneOffs, witness, ends, runtime } = await open(t, await t.tempDir());
    const info = await oneOffs.start(order(`echo "$A $DYNO \${PORT-none}"; ls Procfile; exit 3`));
    assert.equal([info.name, info.type, info.state, info.release], ["run.1", "run", "up", 7]);
    await witness.sees("complete");
    assert.equal(witness.lines, [
      `run.1 v7 Starting process with command: \`${info.command}\``,
      "run.1 v7 State changed from starting to up",
      "run.1 v7 (its output ends)",
      "run.1 v7 Process exited with status 3",
      "run.1 v7 State changed from up to complete",
    ]);
    assert.is(witness.outputs.get(info.id), "1 run.1 none\nProcfile\n");
    assert.equal(ends, [{ id: info.id, ps: "run.1", release: 7, status: 3, hasRunOut: false, wasStopped: false }]);
    await oneOffs.shutdown({ stopApps: true });
    assert.equal(oneOffs.list(), []);
    assert.equal(await runtime.list("foobaz"), []);
  });

  test("each has a number of its own, which does not come again soon", async (t) => {
    const directory = await t.tempDir();
    const first = await open(t, directory);
    const started = await Promise.all([1, 2, 3].map(() => first.oneOffs.start(order("exec sleep 60"))));
    assert.equal(started.map(({ name }) => name).sort(), ["run.1", "run.2", "run.3"]);
    assert.equal(
      first.oneOffs.list().map(({ name }) => name),
      ["run.1", "run.2", "run.3"],
    );
    assert.ok(first.oneOffs.stop("run"));
    await first.oneOffs.shutdown({ stopApps: true });
    assert.is(await readFile(join(directory, "last-run"), "utf8"), "3\n");
    const second = await open(t, directory);
    assert.is((await second.oneOffs.start(order("true"))).name, "run.4");
  });

  test("one is stopped by its name, the others are not", async (t) => {
    const { oneOffs, witness, ends } = await open(t, await t.tempDir());
    await Promise.all([1, 2].map(() => oneOffs.start(order("exec sleep 60"))));
    assert.not(oneOffs.stop("run.3"));
    assert.ok(oneOffs.stop("run.1"));
    assert.equal(
      oneOffs.list().map(({ state }) => state),
      ["down", "up"],
    );
    await witness.sees("State changed from up to complete");
    assert.is(ends[0]?.status, 143);
    assert.ok(witness.saw("run.1 v7 Stopping all processes with SIGTERM"));
    assert.equal(
      oneOffs
        .list()
        .map(({ name }) => name)
        .slice(-1),
      ["run.2"],
    );
  });

  test("what does not hear SIGTERM is killed after the exit timeout", async (t) => {
    const { oneOffs, witness, ends } = await open(t, await t.tempDir());
    oneOffs.configure({ exitTimeoutMs: 300, runIdleMs: 3_600_000, runHangUpMs: 5_000 });
    const { id } = await oneOffs.start(order(`trap '' TERM; echo ready; while :; do sleep 0.05; done`));
    const { spool } = witness.processes[0] ?? { spool: "" };
    while ((await readFile(spool, "utf8")) !== "ready\n") await realClock.sleep(5);
    oneOffs.cancel(id);
    await witness.sees("complete");
    assert.ok(witness.saw("Error R12 (Exit timeout) -> Process failed to exit within 0.3 seconds of SIGTERM"));
    assert.is(ends[0]?.status, 137);
  });

  test("one whose time is over is stopped, and its end says so", async (t) => {
    const { oneOffs, witness, ends } = await open(t, await t.tempDir());
    await oneOffs.start(order("exec sleep 60", { timeLimitMs: 400 }));
    await oneOffs.start(order("exit 0", { timeLimitMs: 30_000 }));
    await witness.until(() => witness.lines.filter((line) => line.includes("complete")).length === 2);
    assert.ok(witness.saw("run.1 v7 Stopping the process: it ran for 400 ms"));
    assert.equal(ends.map(({ ps, hasRunOut }) => `${ps} ${String(hasRunOut)}`).sort(), ["run.1 true", "run.2 false"]);
  });

  test("no more than so many at a time", async (t) => {
    const { oneOffs } = await open(t, await t.tempDir());
    // Never started, so that nobody has to wait for fifty processes: they are counted from the moment they are asked for.
    const asked = Array.from({ length: ONE_OFFS_MAX + 1 }, () =>
      oneOffs.start(order("true", { cargo: { appDir: "/nonexistent", env: {} } })),
    );
    const errors = await Promise.allSettled(asked);
    const reasons = errors.map((result) => (result.status === "rejected" ? String(result.reason) : ""));
    assert.match(reasons.at(-1) ?? "", "has 50 one-off processes already");
    assert.is(reasons.filter((reason) => reason.includes("could not be started")).length, ONE_OFFS_MAX);
    assert.equal(oneOffs.list(), []);
  });

  test("one that cannot be started is refused, told, and leaves nothing", async (t) => {
    const { oneOffs, witness, runtime } = await open(t, await t.tempDir());
    const error = await refuses("unavailable", () =>
      oneOffs.start(order("true", { cargo: { appDir: "/nonexistent", env: {} } })),
    );
    assert.match(error.message, "run.1 could not be started");
    assert.ok(witness.saw("run.1 v7 Process failed to start"));
    assert.equal(await runtime.list("foobaz"), []);
  });

  test("none is started once the app is being closed", async (t) => {
    const { oneOffs } = await open(t, await t.tempDir());
    await oneOffs.shutdown({ stopApps: false });
    await refuses("unavailable", () => oneOffs.start(order("true")));
  });
});

/** Runs one-off processes in a daemon of their own, which is killed with SIGKILL when all are said to run. */
async function leaveBehind(appsDirectory: string, ...commands: string[]): Promise<void> {
  const daemon = spawn(process.execPath, [PROGRAM, appsDirectory, ...commands], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH },
  });
  const exited = once(daemon, "exit");
  let said = 0;
  for await (const line of createInterface(daemon.stdout)) {
    if (line === "running") said += 1;
    if (said === commands.length) break;
  }
  assert.is(said, commands.length, "the daemon ended by itself");
  daemon.kill("SIGKILL");
  await exited;
}

describe("one-off processes and a daemon that was killed", (test) => {
  test.needing(MISSING_PROC, "one that runs on is taken over, and told of once more only at its end", async (t) => {
    const directory = await t.tempDir();
    await leaveBehind(directory, "echo ready; exec sleep 60");
    const { oneOffs, witness, ends } = await open(t, directory);
    await oneOffs.adopted();
    const [info] = oneOffs.list();
    assert.equal([info?.name, info?.state, info?.release], ["run.1", "up", 7]);
    assert.equal(witness.lines, []);
    process.kill(info?.pid ?? 0, "SIGTERM");
    await witness.sees("complete");
    assert.equal(witness.lines, [
      "run.1 v7 (its output ends)",
      "run.1 v7 Process exited with status 143",
      "run.1 v7 State changed from up to complete",
    ]);
    assert.is(ends[0]?.status, 143);
  });

  test.needing(MISSING_PROC, "the end of one that nobody saw is known, with its status and its output", async (t) => {
    const directory = await t.tempDir();
    const gate = join(await t.tempDir(), "gate");
    await leaveBehind(directory, `until [ -e ${gate} ]; do sleep 0.02; done; echo last words; exit 5`);
    await writeFile(gate, "");
    while ((await processesUnder(directory)).length > 0) await realClock.sleep(10);
    const { oneOffs, witness, ends } = await open(t, directory);
    await oneOffs.adopted();
    await witness.sees("complete");
    assert.equal([...witness.outputs.values()], ["last words\n"]);
    assert.equal(
      ends.map(({ status, hasRunOut }) => [status, hasRunOut]),
      [[5, false]],
    );
  });

  test.needing(MISSING_PROC, "its time goes on", async (t) => {
    const directory = await t.tempDir();
    await leaveBehind(directory, "# 600\nexec sleep 60");
    const { oneOffs, witness, ends } = await open(t, directory);
    await oneOffs.adopted();
    await witness.sees("complete");
    assert.ok(witness.saw("it ran for 600 ms"));
    assert.is(ends[0]?.hasRunOut, true);
  });

  test.needing(
    MISSING_PROC,
    "the formation leaves it alone, and so does a stop that takes only the daemon",
    async (t) => {
      const directory = await t.tempDir();
      await leaveBehind(directory, "exec sleep 60");
      let before = await processesUnder(directory);
      // A process is known a moment before its shell has become the command.
      while (before.length === 0) before = await processesUnder(directory);
      const { formation } = await stage(t, { appsDirectory: directory });
      formation.converge(await target("hello", { worker: 1 }), "start");
      await formation.settled();
      assert.equal(
        formation.list().map(({ name }) => name),
        ["worker.1"],
      );
      await formation.shutdown({ stopApps: true });
      assert.equal(await processesUnder(directory), before);
      const { oneOffs } = await open(t, directory);
      await oneOffs.adopted();
      await oneOffs.shutdown({ stopApps: false });
      assert.equal(await processesUnder(directory), before);
      const again = await open(t, directory);
      await again.oneOffs.shutdown({ stopApps: true });
      assert.equal(await processesUnder(directory), []);
    },
  );
});
