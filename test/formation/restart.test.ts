/** Restarts: rolling, daily, by policy, and what a daemon that comes later knows of processes that are not there. */
import { writeFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { dailyRestartAt } from "../../src/core/restart-policy.ts";
import { describe } from "../support/suite.ts";
import { copyOfFixture, PATIENT, realClock, shown, stage, target, Visitor } from "./support.ts";

describe("restart", (test) => {
  test("web processes restart one after another, and none of them is missed", async (t) => {
    const visitor = new Visitor();
    const { formation, witness } = await stage(t, { drained: (endpoint) => visitor.drained(endpoint) });
    formation.converge(await target("hello", { web: 2 }), "launch");
    await formation.settled();
    const before = formation.list();
    visitor.come(witness);
    formation.restart();
    await formation.settled();
    assert.equal(await visitor.leave(), []);
    assert.ok(witness.routes.slice(2).every(({ endpoints }) => endpoints.length >= 2));
    const after = formation.list();
    assert.equal(
      after.map(({ name, restarts, state }) => [name, restarts, state]),
      [
        ["web.1", 1, "up"],
        ["web.2", 1, "up"],
      ],
    );
    for (const [index, { pid }] of after.entries()) assert.is.not(pid, before[index]?.pid);
    const isUp = witness.lines.lastIndexOf("web.1 v1 State changed from starting to up");
    assert.ok(isUp < witness.lines.indexOf("web.2 v1 Restarting"));
    assert.equal(witness.lines.filter((line) => line.startsWith("web.1")).slice(2), [
      "web.1 v1 Restarting",
      "web.1 v1 State changed from up to starting",
      "web.1 v1 Starting process with command: `node web.js`",
      "web.1 v1 State changed from starting to up",
      "web.1 v1 Stopping all processes with SIGTERM",
      "web.1 v1 (its output ends)",
      "web.1 v1 Process exited with status 0",
    ]);
  });

  test("one that does not come up again ends it there, and the old ones serve on", async (t) => {
    const slug = await copyOfFixture(t, "hello");
    const { formation, witness } = await stage(t, { settings: PATIENT });
    formation.converge({ ...(await target("hello", { web: 2 })), appDir: slug }, "launch");
    await formation.settled();
    const served = witness.endpoints;
    const good = await readFile(join(slug, "web.js"), "utf8");
    await writeFile(join(slug, "web.js"), "process.exit(7)");
    formation.restart("web");
    await formation.settled();
    assert.equal(shown(formation.list()), ["web.1 v1 crashed", "web.2 v1 up serving", "web.1 v1 up serving"]);
    assert.equal(witness.endpoints, served);
    await writeFile(join(slug, "web.js"), good);
    formation.restart("web.1");
    await formation.settled();
    assert.equal(shown(formation.list()), ["web.1 v1 up serving", "web.2 v1 up serving"]);
    assert.ok(witness.routes.slice(2).every(({ endpoints }) => endpoints.length === 2));
  });

  test("a release in the middle of it takes its place", async (t) => {
    const { formation, witness } = await stage(t);
    formation.converge(await target("hello", { web: 2 }), "launch");
    await formation.settled();
    // Read before, so that it comes while web.1 is on its way.
    const next = await target("hello", { web: 2 }, { release: 2 });
    formation.restart();
    await witness.sees("web.1 v1 Restarting");
    formation.converge(next, "launch");
    await formation.settled();
    assert.equal(shown(formation.list()), ["web.1 v2 up serving", "web.2 v2 up serving"]);
    assert.not(witness.saw("web.2 v1 Restarting"));
    assert.ok(witness.routes.slice(2).every(({ endpoints }) => endpoints.length === 2));
  });

  test("scaling down in the middle of it leaves nothing behind", async (t) => {
    const { formation, witness } = await stage(t);
    const hello = await target("hello", { web: 2 });
    formation.converge(hello, "launch");
    await formation.settled();
    formation.restart();
    await witness.sees("web.1 v1 Restarting");
    formation.converge({ ...hello, quantities: {} }, "scale");
    await formation.settled();
    assert.equal(formation.list(), []);
  });

  test("a daemon that comes in the middle of it goes on with it", async (t) => {
    const slug = await copyOfFixture(t, "hello");
    const gate = join(slug, "gate");
    const hello = { ...(await target("hello", { web: 1 })), appDir: slug };
    const first = await stage(t);
    first.formation.converge(hello, "launch");
    await first.formation.settled();
    const waits = `const t = setInterval(() => { if (require("node:fs").existsSync("${gate}")) { clearInterval(t);`;
    await writeFile(
      join(slug, "web.js"),
      `${waits} require("node:http").createServer().listen(process.env.PORT) } }, 5)`,
    );
    first.formation.restart();
    await first.witness.until(() => first.witness.processes.length === 2);
    await first.formation.shutdown({ stopApps: false });
    const second = await stage(t, { appsDirectory: first.appsDirectory });
    second.formation.converge(hello, "start");
    await second.witness.until(() => second.witness.endpoints.length === 1);
    assert.equal(shown(second.formation.list()), ["web.1 v1 starting", "web.1 v1 up serving"]);
    await writeFile(gate, "");
    await second.formation.settled();
    assert.equal(shown(second.formation.list()), ["web.1 v1 up serving"]);
    assert.is(second.formation.list()[0]?.restarts, 1);
    assert.ok(second.witness.routes.every(({ endpoints }) => endpoints.length >= 1));
  });

  test("without preboot it stops and starts them", async (t) => {
    const { formation, witness } = await stage(t, { settings: { preboot: false } });
    formation.converge(await target("hello", { web: 1 }), "launch");
    await formation.settled();
    formation.restart();
    await formation.settled();
    const stop = witness.lines.indexOf("web.1 v1 Stopping all processes with SIGTERM");
    const start = witness.lines.lastIndexOf("web.1 v1 Starting process with command: `node web.js`");
    assert.ok(stop !== -1 && stop < start);
  });

  test("the daily restart comes when the process is a day old, and says Cycling", async (t) => {
    let lateMs = 0;
    const clock = { ...realClock, now: () => Date.now() + lateMs };
    const { formation, witness } = await stage(t, { clock, settings: { dailyRestart: true } });
    formation.converge(await target("hello", { web: 1, worker: 1 }), "launch");
    await formation.settled();
    const [web, worker] = formation.list();
    lateMs = 28 * 3_600_000;
    formation.configure({ dailyRestart: false });
    await formation.settled();
    assert.not(witness.saw("Cycling"));
    formation.configure({ dailyRestart: true });
    await witness.until(() => witness.saw("web.1 v1 Cycling") && witness.saw("worker.1 v1 Cycling"));
    lateMs = 0;
    await formation.settled();
    const [newWeb, newWorker] = formation.list();
    assert.is.not(newWeb?.pid, web?.pid);
    assert.is.not(newWorker?.pid, worker?.pid);
    assert.equal(shown(formation.list()), ["web.1 v1 up serving", "worker.1 v1 up"]);
    assert.ok(dailyRestartAt(0, newWeb?.id ?? "") >= 86_400_000);
  });

  test("worker-overlap lets a release of a worker type start before the other has left", async (t) => {
    const { formation, witness } = await stage(t, { settings: { workerOverlap: true } });
    // worker.1 of the first release leaves only when worker.2 of the second one is there.
    const directory = await t.tempDir();
    const file = join(directory, "there");
    const code = `trap '[ "$DYNO" = worker.2 ] || until [ -e ${file} ]; do sleep 0.02; done; exit 0' TERM; [ "$V" = v2 ] && touch ${file}; while :; do sleep 0.02; done`;
    const at = async (release: number): ReturnType<typeof target> =>
      target("hello", { worker: 2 }, { release, procfile: `worker: ${code}\n`, env: { V: `v${String(release)}` } });
    formation.converge(await at(1), "launch");
    await formation.settled();
    formation.converge(await at(2), "launch");
    await formation.settled();
    assert.equal(shown(formation.list()), ["worker.1 v2 up", "worker.2 v2 up"]);
    assert.not(witness.saw("R12"));
  });

  test("with the policy never a crashed process stays so, also for the next daemon", async (t) => {
    // However long the machine takes to end it.
    const settings = { restartPolicy: "never", upAfterMs: 60_000 } as const;
    const first = await stage(t, { settings });
    const crashing = await target("crashes", { worker: 1 });
    first.formation.converge(crashing, "launch");
    await first.formation.settled();
    const [before] = first.formation.list();
    assert.is(before?.state, "crashed");
    await first.formation.shutdown({ stopApps: false });
    const { appsDirectory } = first;
    const second = await stage(t, { appsDirectory, settings });
    second.formation.converge(crashing, "start");
    await second.formation.settled();
    assert.equal(second.formation.list(), [before]);
    assert.equal(second.witness.lines, []);
    second.formation.restart("worker");
    await second.formation.settled();
    assert.is(second.witness.exits.length, 1);
    // Another release is another matter.
    second.formation.configure({ upAfterMs: 60 });
    second.formation.converge(await target("hello", { worker: 1 }, { release: 2 }), "launch");
    await second.formation.settled();
    assert.equal(shown(second.formation.list()), ["worker.1 v2 up"]);
  });
});
