/** A daemon is killed; the next one takes over what it left. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import type { FormationSettings } from "../../src/formation/formation-options.ts";
import { untilSame } from "../support/converged.ts";
import { poll } from "../support/poll.ts";
import { describe } from "../support/suite.ts";
import type { TestContext } from "../support/suite.ts";
import { gone, MISSING_PROC, PATH, processesUnder, stage, target } from "./support.ts";

const PROGRAM = fileURLToPath(new URL("absent-daemon.js", import.meta.url));

/** Runs a formation in a daemon of its own and kills that with SIGKILL when it has said so many lines of that text. */
async function leaveBehind(args: readonly string[], text: string, count: number): Promise<void> {
  const daemon = spawn(process.execPath, [PROGRAM, ...args], { stdio: ["ignore", "pipe", "inherit"], env: { PATH } });
  const exited = once(daemon, "exit");
  let said = 0;
  for await (const line of createInterface(daemon.stdout)) {
    if (line === text) said += 1;
    if (said === count) break;
  }
  assert.is(said, count, "the daemon ended by itself");
  daemon.kill("SIGKILL");
  await exited;
}

/** A stage in whose directory another daemon has been; what that one left dies with the test. */
async function stageAfter(
  t: TestContext,
  app: string,
  quantities: object,
  settings: Partial<FormationSettings> = {},
): ReturnType<typeof stage> {
  const appsDirectory = await t.tempDir();
  t.after(async () => {
    for (const pid of await processesUnder(appsDirectory)) process.kill(pid, "SIGKILL");
  });
  await leaveBehind([appsDirectory, app, "1", JSON.stringify(quantities), JSON.stringify(settings)], "settled", 1);
  return stage(t, { appsDirectory, settings });
}

describe("adoption", (test) => {
  test.needing(MISSING_PROC, "the same processes go on under the same names, and nothing is said", async (t) => {
    const { formation, witness, appsDirectory } = await stageAfter(t, "hello", { web: 2, worker: 1 });
    // The worker is up when it has lived for a while, which is no sign that its shell has become the command.
    const before = await poll(async () => {
      const pids = await processesUnder(appsDirectory);
      return pids.length < 3 ? undefined : pids;
    });
    formation.converge(await target("hello", { web: 2, worker: 1 }), "start");
    await formation.settled();
    assert.equal(
      formation.list().map(({ name, state, serving }) => [name, state, serving]),
      [
        ["web.1", "up", true],
        ["web.2", "up", true],
        ["worker.1", "up", false],
      ],
    );
    assert.equal(await processesUnder(appsDirectory), before);
    assert.equal(witness.lines, []);
    assert.is(witness.processes.length, 3);
    assert.is(witness.endpoints.length, 2);
    const page = await fetch(`http://127.0.0.1:${String(witness.endpoints[0]?.port)}/`);
    assert.is(await page.text(), "Hello from v1 on web.1\n");
  });

  test.needing(MISSING_PROC, "an end during the absence is told with its status, once", async (t) => {
    const { formation, witness, appsDirectory } = await stageAfter(t, "hello", { web: 1 });
    const [pid = 0] = await processesUnder(appsDirectory);
    process.kill(pid, "SIGTERM");
    await gone(pid);
    formation.converge(await target("hello", { web: 1 }), "start");
    await witness.sees("State changed from starting to up");
    assert.equal(witness.lines, [
      "web.1 v1 (its output ends)",
      "web.1 v1 Process exited with status 0",
      "web.1 v1 State changed from up to crashed",
      "web.1 v1 State changed from crashed to starting",
      "web.1 v1 Starting process with command: `node web.js`",
      "web.1 v1 State changed from starting to up",
    ]);
    assert.match([...witness.outputs.values()][0] ?? "", /^Listening on [0-9]+\n$/);
  });

  test.needing(MISSING_PROC, "what the target no longer has is stopped, what it adds is started", async (t) => {
    const { formation, witness } = await stageAfter(t, "hello", { web: 2 });
    formation.converge(await target("hello", { web: 1, worker: 1 }), "start");
    await formation.settled();
    assert.equal(
      formation.list().map(({ name, restarts }) => [name, restarts]),
      [
        ["web.1", 0],
        ["worker.1", 0],
      ],
    );
    assert.ok(witness.saw("web.2 v1 State changed from up to down"));
    assert.not(witness.saw("web.1 v1 S"));
  });

  test.needing(MISSING_PROC, "the web of an older release serves until the new one can", async (t) => {
    const { formation, witness } = await stageAfter(t, "hello", { web: 1, worker: 1 });
    formation.converge(await target("hello", { web: 1, worker: 1 }, { release: 2 }), "start");
    await formation.settled();
    assert.equal(
      formation.list().map(({ name, release, state }) => `${name} v${String(release)} ${state}`),
      ["web.1 v2 up", "worker.1 v2 up"],
    );
    assert.equal(
      witness.routes.map(({ endpoints }) => endpoints.length),
      [1, 1],
    );
    assert.ok(witness.saw("web.1 v1 Stopping all processes with SIGTERM"));
    assert.ok(witness.saw("worker.1 v1 Process exited with status 143"));
  });

  test.needing(MISSING_PROC, "an abandoned switch stays abandoned across a restart of the daemon", async (t) => {
    const { formation, witness } = await stageAfter(t, "hello", { web: 1 });
    formation.configure({ backoff: { firstMs: 60_000, maxMs: 60_000, resetAfterMs: 60_000 } });
    formation.converge(await target("crashes", { web: 1 }, { release: 2 }), "start");
    await formation.settled();
    assert.equal(
      formation.list().map(({ name, release, state, serving }) => [name, release, state, serving]),
      [
        ["web.1", 2, "crashed", false],
        ["web.1", 1, "up", true],
      ],
    );
    // What it ran on is not known to this daemon, so its end is the end.
    const old = formation.list()[1];
    process.kill(old?.pid ?? 0, "SIGKILL");
    await witness.until(() => witness.routes.at(-1)?.webState === "crashed");
    await formation.settled();
    assert.is(formation.list().length, 1);
  });

  test.needing(MISSING_PROC, "what had crashed for good has crashed for the next daemon too", async (t) => {
    const { formation, witness } = await stageAfter(
      t,
      "crashes",
      { worker: 1 },
      { restartPolicy: "never", upAfterMs: 60_000 },
    );
    formation.converge(await target("crashes", { worker: 1 }), "start");
    await formation.settled();
    assert.equal(
      formation.list().map(({ name, state, restarts }) => [name, state, restarts]),
      [["worker.1", "crashed", 0]],
    );
    assert.not(witness.saw("Starting process"));
  });

  test.needing(MISSING_PROC, "a daemon killed at any moment leaves no second process behind", async (t) => {
    const appsDirectory = await t.tempDir();
    t.after(async () => {
      for (const pid of await processesUnder(appsDirectory)) process.kill(pid, "SIGKILL");
    });
    for (const count of [1, 2, 3, 4, 5]) {
      await leaveBehind([appsDirectory, "hello", "1", `{"web":3,"worker":3}`], "process", count);
    }
    const { formation, runtime } = await stage(t, { appsDirectory });
    formation.converge(await target("hello", { web: 3, worker: 3 }), "start");
    await formation.settled();
    const running = (await runtime.list("foobaz")).filter(({ phase }) => phase === "running");
    const pids = running.map(({ pid }) => pid ?? 0).sort((a, b) => a - b);
    await untilSame(pids, () => processesUnder(appsDirectory));
    assert.equal(
      running.map(({ ps }) => ps).sort((a, b) => (a < b ? -1 : 1)),
      ["web.1", "web.2", "web.3", "worker.1", "worker.2", "worker.3"],
    );
  });
});
