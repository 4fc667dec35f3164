/** The controller, with real apps: start, crash, stop, scale, restart. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";
import { MISSING_PROC, processesUnder, says, stage, target } from "./support.ts";

async function answer(port: number | undefined): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${String(port)}/`);
  return response.text();
}

describe("formation", (test) => {
  test("web is up when it accepts connections, a worker when it has lived", async (t) => {
    const { formation, witness } = await stage(t);
    formation.converge(await target("hello", { web: 1, worker: 1 }, { release: 3 }), "launch");
    await formation.settled();
    assert.equal(
      formation.list().map(({ name, state, release, serving, listed }) => [name, state, release, serving, listed]),
      [
        ["web.1", "up", 3, true, true],
        ["worker.1", "up", 3, false, true],
      ],
    );
    assert.is(await answer(witness.endpoints[0]?.port), "Hello from v3 on web.1\n");
    assert.equal(
      witness.lines.filter((line) => line.startsWith("web")),
      ["web.1 v3 Starting process with command: `node web.js`", "web.1 v3 State changed from starting to up"],
    );
    assert.equal(
      witness.routes.map(({ webState }) => webState),
      ["starting", "up"],
    );
  });

  test("the same target again changes nothing", async (t) => {
    const { formation, witness } = await stage(t);
    const hello = await target("hello", { web: 1 });
    formation.converge(hello, "launch");
    await formation.settled();
    const before = [formation.list(), witness.lines.length];
    formation.converge(hello, "launch");
    formation.converge({ ...hello }, "scale");
    await formation.settled();
    assert.equal([formation.list(), witness.lines.length], before);
  });

  test("scaling touches only the dynos that differ, the highest numbers first", async (t) => {
    const { formation, witness } = await stage(t);
    const hello = await target("hello", { web: 2 });
    formation.converge(hello, "launch");
    await formation.settled();
    const [first, second] = formation.list();
    formation.converge({ ...hello, quantities: { web: 3, worker: 1 } }, "scale");
    await formation.settled();
    assert.equal(
      formation.list().map(({ name }) => name),
      ["web.1", "web.2", "web.3", "worker.1"],
    );
    assert.equal(formation.list().slice(0, 2), [first, second]);
    formation.converge({ ...hello, quantities: { web: 1 } }, "scale");
    await formation.settled();
    assert.equal(formation.list(), [first]);
    assert.equal(
      witness.endpoints.map(({ ps }) => ps),
      ["web.1"],
    );
    assert.ok(witness.saw("web.3 v1 State changed from up to down"));
  });

  test("a crash is told with its status and comes back after the back-off", async (t) => {
    // On a busy machine it may live longer than a worker usually needs to be up.
    const { formation, witness } = await stage(t, { settings: { upAfterMs: 60_000 } });
    formation.converge(await target("crashes", { worker: 1 }), "launch");
    await witness.until(() => witness.exits.length === 3);
    const told = witness.lines.slice(0, 5).map((line) => line.slice("worker.1 v1 ".length));
    assert.equal(told, [
      "Starting process with command: `sh -c 'echo working; exit 3'`",
      "(its output ends)",
      "Process exited with status 3",
      "State changed from starting to crashed",
      "State changed from crashed to starting",
    ]);
    assert.equal([...witness.outputs.values()], ["working\n", "working\n", "working\n"]);
    assert.ok((formation.list()[0]?.restarts ?? 0) >= 2);
  });

  test("status 0 is a crash too", async (t) => {
    const { formation, witness } = await stage(t, {
      settings: { upAfterMs: 60_000, backoff: { firstMs: 60_000, maxMs: 60_000, resetAfterMs: 60_000 } },
    });
    formation.converge(await target("hello", { worker: 1 }, { procfile: "worker: true\n" }), "launch");
    await formation.settled();
    assert.is(formation.list()[0]?.state, "crashed");
    assert.ok(witness.saw("Process exited with status 0"));
    assert.is(formation.list()[0]?.pid, undefined);
  });

  test("a web process that does not bind its port in time is killed (R10)", async (t) => {
    const { formation, witness } = await stage(t, {
      settings: { bootTimeoutMs: 200, backoff: { firstMs: 60_000, maxMs: 60_000, resetAfterMs: 60_000 } },
    });
    formation.converge(await target("slow-boot", { web: 1 }), "launch");
    await formation.settled();
    assert.equal(witness.lines.slice(1), [
      "web.1 v1 Error R10 (Boot timeout) -> Web process failed to bind to $PORT within 0.2 seconds of launch",
      "web.1 v1 Stopping process with SIGKILL",
      "web.1 v1 (its output ends)",
      "web.1 v1 Process exited with status 137",
      "web.1 v1 State changed from starting to crashed",
    ]);
    assert.is(witness.routes.at(-1)?.webState, "crashed");
  });

  test("a process that ignores SIGTERM is killed (R12)", async (t) => {
    const { formation, witness, appsDirectory } = await stage(t, { settings: { exitTimeoutMs: 150 } });
    formation.converge(await target("ignores-term", { worker: 1 }), "launch");
    await formation.settled();
    const [stubborn] = witness.processes;
    assert.ok(stubborn);
    await says(stubborn, "ready\n");
    formation.converge(await target("ignores-term", { worker: 0 }), "scale");
    await formation.settled();
    assert.equal(witness.lines.slice(2), [
      "worker.1 v1 Stopping all processes with SIGTERM",
      "worker.1 v1 Error R12 (Exit timeout) -> At least one process failed to exit within 0.15 seconds of SIGTERM",
      "worker.1 v1 Stopping process with SIGKILL",
      "worker.1 v1 (its output ends)",
      "worker.1 v1 Process exited with status 137",
      "worker.1 v1 State changed from up to down",
    ]);
    assert.equal(formation.list(), []);
    if (MISSING_PROC === undefined) assert.equal(await processesUnder(appsDirectory), []);
  });

  test("a restart takes the dyno through Heroku's steps to a new process", async (t) => {
    const { formation, witness } = await stage(t);
    formation.converge(await target("hello", { web: 1, worker: 1 }), "launch");
    await formation.settled();
    const [web, worker] = formation.list();
    formation.restart("worker.1");
    await formation.settled();
    const [sameWeb, newWorker] = formation.list();
    assert.equal(sameWeb, web);
    assert.is.not(newWorker?.pid, worker?.pid);
    assert.is(newWorker?.restarts, 1);
    const lines = witness.lines.filter((line) => line.startsWith("worker")).slice(2);
    assert.match(lines.pop() ?? "", /^worker\.1 v1 State changed from starting to up$/);
    assert.match(lines.pop() ?? "", /^worker\.1 v1 Starting process with command: /);
    assert.equal(lines, [
      "worker.1 v1 Restarting",
      "worker.1 v1 State changed from up to starting",
      "worker.1 v1 Stopping all processes with SIGTERM",
      "worker.1 v1 (its output ends)",
      "worker.1 v1 Process exited with status 143",
    ]);
  });

  test("a stopped dyno comes back", async (t) => {
    const { formation, witness } = await stage(t);
    formation.converge(await target("hello", { worker: 2 }), "launch");
    await formation.settled();
    const [first, second] = formation.list();
    formation.stop("worker.2");
    await formation.settled();
    assert.equal(formation.list()[0], first);
    assert.is.not(formation.list()[1]?.pid, second?.pid);
    assert.ok(witness.saw("worker.2 v1 Process exited with status 143"));
    assert.ok(witness.saw("worker.2 v1 State changed from up to down"));
    assert.ok(witness.saw("worker.2 v1 State changed from down to starting"));
    const error = await refuses("not_found", () => formation.stop("worker.7"));
    assert.is(error.message, `Couldn't find the process "worker.7".`);
  });

  test("a web process is off the routes and drained before it is told to stop", async (t) => {
    const events: string[] = [];
    const { formation, witness } = await stage(t, {
      drained: ({ port }) => {
        const isRouted = witness.endpoints.some((endpoint) => endpoint.port === port);
        events.push(isRouted ? "routed" : "off", `terminated: ${String(witness.saw("SIGTERM"))}`);
        return Promise.resolve();
      },
    });
    const hello = await target("hello", { web: 2 });
    formation.converge(hello, "launch");
    await formation.settled();
    formation.converge({ ...hello, quantities: { web: 1 } }, "scale");
    await formation.settled();
    assert.equal(events, ["off", "terminated: false"]);
  });

  test("a dyno may be unwanted again before it runs", async (t) => {
    const { formation, witness } = await stage(t);
    const hello = await target("hello", { web: 1 });
    formation.converge(hello, "launch");
    await witness.sees("Starting process");
    formation.converge({ ...hello, quantities: {} }, "scale");
    await formation.settled();
    assert.equal(formation.list(), []);
    assert.is(witness.routes.at(-1)?.webState, "none");
  });

  test("a slug that is gone is a crash that says so", async (t) => {
    const { formation, witness } = await stage(t);
    const hello = await target("hello", { worker: 1 });
    formation.converge({ ...hello, appDir: join(hello.appDir ?? "", "gone") }, "launch");
    await witness.sees("State changed from starting to crashed");
    assert.match(witness.lines[1] ?? "", /^worker\.1 v1 Process failed to start: ENOENT/);
  });

  test("last words that cannot be stored stay on disk, and the dyno goes on", async (t) => {
    const { formation, witness, appsDirectory } = await stage(t);
    witness.isDeaf = true;
    formation.converge(await target("crashes", { worker: 1 }), "launch");
    await witness.until(() => witness.processes.length === 2);
    const spool = witness.processes[0]?.spool ?? "";
    assert.is(await readFile(spool, "utf8"), "working\n");
    assert.match(String(witness.faults[0]), "the log is closed");
    witness.isDeaf = false;
    await formation.shutdown({ stopApps: true });
    assert.ok((await readdir(join(appsDirectory, "foobaz", "run"))).length > 0);
    witness.faults.length = 0;
  });

  test("an end with the apps leaves no process and no run directory", async (t) => {
    const { formation, appsDirectory } = await stage(t);
    formation.converge(await target("hello", { web: 2, worker: 1 }), "launch");
    await formation.settled();
    await formation.shutdown({ stopApps: true });
    if (MISSING_PROC === undefined) assert.equal(await processesUnder(appsDirectory), []);
    assert.equal(await readdir(join(appsDirectory, "foobaz", "run")), []);
  });
});
