/** A new release beside the old one: the switch, the abandoned switch, and workers that never overlap. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { describe } from "../support/suite.ts";
import type { TestContext } from "../support/suite.ts";
import { poll } from "../support/poll.ts";
import { copyOfFixture, PATIENT, shown, stage, target, Visitor } from "./support.ts";

describe("launch", (test) => {
  test("a new release takes over without a failed request", async (t) => {
    const visitor = new Visitor();
    const { formation, witness } = await stage(t, { drained: (endpoint) => visitor.drained(endpoint) });
    formation.converge(await target("hello", { web: 2 }, { release: 1 }), "launch");
    await formation.settled();
    visitor.come(witness);
    for (const release of [2, 3]) {
      await visitor.sees(`v${String(release - 1)}`);
      formation.converge(await target("hello", { web: 2 }, { release }), "launch");
      await formation.settled();
    }
    assert.equal(await visitor.leave(), []);
    assert.equal(shown(formation.list()), ["web.1 v3 up serving", "web.2 v3 up serving"]);
    // One after the other came up at first; after that both were exchanged at once.
    assert.ok(witness.routes.slice(2).every(({ endpoints }) => endpoints.length === 2));
  });

  test("its words are those of a restart", async (t) => {
    const { formation, witness } = await stage(t);
    formation.converge(await target("hello", { web: 1 }, { release: 1 }), "launch");
    await formation.settled();
    formation.converge(await target("hello", { web: 1 }, { release: 2 }), "launch");
    await formation.settled();
    assert.equal(witness.lines.slice(2), [
      "web.1 v2 Restarting",
      "web.1 v2 State changed from up to starting",
      "web.1 v2 Starting process with command: `node web.js`",
      "web.1 v2 State changed from starting to up",
      "web.1 v1 Stopping all processes with SIGTERM",
      "web.1 v1 (its output ends)",
      "web.1 v1 Process exited with status 0",
    ]);
  });

  test("a release that crashes at boot leaves the old web serving, unlisted", async (t) => {
    const { formation, witness } = await stage(t, { settings: PATIENT });
    formation.converge(await target("hello", { web: 1, worker: 1 }, { release: 1 }), "launch");
    await formation.settled();
    const served = witness.endpoints;
    // However long the machine takes to end them.
    formation.configure({ upAfterMs: 60_000 });
    formation.converge(await target("crashes", { web: 1, worker: 1 }, { release: 2 }), "launch");
    await formation.settled();
    const list = formation.list();
    assert.equal(shown(list), ["web.1 v2 crashed", "worker.1 v2 crashed", "web.1 v1 up serving"]);
    assert.equal(
      list.map(({ listed }) => listed),
      [true, true, false],
    );
    assert.equal(witness.endpoints, served);
    assert.ok(witness.saw("worker.1 v1 Process exited with status 143"));
    const page = await fetch(`http://127.0.0.1:${String(served[0]?.port)}/`);
    assert.is(await page.text(), "Hello from v1 on web.1\n");
  });

  test("after an abandoned switch the next good release takes over", async (t) => {
    const visitor = new Visitor();
    const drained = (endpoint: { port: number }): Promise<void> => visitor.drained(endpoint);
    const { formation, witness } = await stage(t, { settings: PATIENT, drained });
    formation.converge(await target("hello", { web: 1, worker: 1 }, { release: 1 }), "launch");
    await formation.settled();
    formation.converge(await target("crashes", { web: 1, worker: 1 }, { release: 2 }), "launch");
    await formation.settled();
    visitor.come(witness);
    formation.converge(await target("hello", { web: 1, worker: 1 }, { release: 3 }), "launch");
    await formation.settled();
    assert.equal(await visitor.leave(), []);
    assert.equal(shown(formation.list()), ["web.1 v3 up serving", "worker.1 v3 up"]);
    assert.equal(
      witness.lines.filter((line) => line.startsWith("web.1 v3")),
      [
        "web.1 v3 Restarting",
        "web.1 v3 State changed from crashed to starting",
        "web.1 v3 Starting process with command: `node web.js`",
        "web.1 v3 State changed from starting to up",
      ],
    );
    // Of the one whose name is taken it says nothing more.
    assert.is(witness.saw("web.1 v2 State changed from crashed to down"), false);
  });

  test("an abandoned switch is made when a restart of the new release is healthy", async (t) => {
    const slug = await copyOfFixture(t, "crashes");
    const { formation, witness } = await stage(t, { settings: PATIENT });
    formation.converge(await target("hello", { web: 1 }, { release: 1 }), "launch");
    await formation.settled();
    formation.converge({ ...(await target("crashes", { web: 1 }, { release: 2 })), appDir: slug }, "launch");
    await formation.settled();
    assert.equal(shown(formation.list()), ["web.1 v2 crashed", "web.1 v1 up serving"]);
    // What it missed is there now.
    await writeFile(join(slug, "crash.js"), `require("node:http").createServer().listen(process.env.PORT);\n`);
    formation.restart("web.1");
    await formation.settled();
    assert.equal(shown(formation.list()), ["web.1 v2 up serving"]);
    assert.ok(witness.routes.slice(1).every(({ endpoints }) => endpoints.length === 1));
  });

  test("two releases of a worker type never run at once", async (t) => {
    const directory = await t.tempDir();
    const journal = join(directory, "journal");
    // Each worker takes another time to end.
    const procfile = `worker: trap 'sleep 0.\${DYNO#worker.}; echo "$V end" >>${journal}; exit 0' TERM; echo "$V begin" >>${journal}; while :; do sleep 0.02; done\n`;
    const at = async (release: number): Promise<Parameters<typeof formation.converge>[0]> =>
      target("hello", { worker: 3 }, { release, procfile, env: { V: `v${String(release)}` } });
    const { formation } = await stage(t);
    // One is up when it has lived for a while, which is no sign that its command has begun.
    const written = (count: number): Promise<string[]> =>
      poll(async () => {
        const lines = (await readFile(journal, "utf8").catch(() => "")).split("\n").slice(0, -1);
        return lines.length < count ? undefined : lines;
      });
    formation.converge(await at(1), "launch");
    await formation.settled();
    await written(3);
    formation.converge(await at(2), "launch");
    await formation.settled();
    assert.equal(await written(9), [...threeOf("v1 begin"), ...threeOf("v1 end"), ...threeOf("v2 begin")]);
  });

  test("workers wait for the web processes of their release", async (t) => {
    const { formation, witness } = await stage(t);
    formation.converge(await target("hello", { web: 1, worker: 1 }, { release: 1 }), "launch");
    await formation.settled();
    formation.converge(await target("hello", { web: 1, worker: 1 }, { release: 2 }), "launch");
    await formation.settled();
    const index = (text: string): number => witness.lines.indexOf(text);
    assert.ok(index("web.1 v2 State changed from starting to up") < index("worker.1 v1 Restarting"));
    assert.equal(shown(formation.list()), ["web.1 v2 up serving", "worker.1 v2 up"]);
  });

  test("without preboot the old web stops before the new one starts", async (t) => {
    const { formation, witness } = await stage(t, { settings: { preboot: false } });
    formation.converge(await target("hello", { web: 1 }, { release: 1 }), "launch");
    await formation.settled();
    formation.converge(await target("hello", { web: 1 }, { release: 2 }), "launch");
    await formation.settled();
    assert.equal(witness.lines.slice(2), [
      "web.1 v1 Restarting",
      "web.1 v1 State changed from up to starting",
      "web.1 v1 Stopping all processes with SIGTERM",
      "web.1 v1 (its output ends)",
      "web.1 v1 Process exited with status 0",
      "web.1 v2 Starting process with command: `node web.js`",
      "web.1 v2 State changed from starting to up",
    ]);
  });

  test("a release during a launch replaces the one that was booting", async (t) => {
    const { formation, witness } = await stage(t);
    formation.converge(await target("hello", { web: 1 }, { release: 1 }), "launch");
    await formation.settled();
    formation.converge(await target("slow-boot", { web: 1 }, { release: 2 }), "launch");
    await witness.until(() => witness.processes.some(({ release }) => release === 2));
    formation.converge(await target("hello", { web: 1 }, { release: 3 }), "launch");
    await formation.settled();
    assert.equal(shown(formation.list()), ["web.1 v3 up serving"]);
    assert.ok(witness.saw("web.1 v2 Stopping all processes with SIGTERM"));
    assert.ok(witness.routes.slice(1).every(({ endpoints }) => endpoints.length === 1));
  });

  test("superseded before it was up, a web process serves when the new one does not come up", async (t) => {
    const visitor = new Visitor();
    const { formation, witness } = await stage(t, {
      settings: PATIENT,
      drained: (endpoint) => visitor.drained(endpoint),
    });
    const gate = await makeGate(t);
    formation.converge(await target("hello", { web: 1 }, { release: 1, procfile: gate.web }), "launch");
    await witness.until(() => witness.processes.length === 1);
    formation.converge(await target("crashes", { web: 1 }, { release: 2 }), "launch");
    await witness.sees("web.1 v2 State changed from starting to crashed");
    await formation.looked();
    assert.equal(witness.routes.at(-1), { endpoints: [], webState: "starting" });
    await gate.open();
    await formation.settled();
    assert.equal(shown(formation.list()), ["web.1 v2 crashed", "web.1 v1 up serving"]);
    const unhealthy = { release: 2, verdict: "unhealthy", ps: "web.1", failure: "exited with status 1" };
    assert.equal(witness.health, [
      { ...unhealthy, standIn: { release: 1, serves: false } },
      { ...unhealthy, standIn: { release: 1, serves: true } },
    ]);

    visitor.come(witness);
    formation.converge(await target("hello", { web: 1 }, { release: 3 }), "launch");
    await formation.settled();
    assert.equal(await visitor.leave(), []);
    assert.equal(shown(formation.list()), ["web.1 v3 up serving"]);
  });

  test("of several that were superseded on their way the oldest goes on, until it fails too", async (t) => {
    const { formation, witness } = await stage(t, { settings: PATIENT });
    const gate = await makeGate(t);
    const broken = { procfile: `web: until [ -e ${gate.path} ]; do sleep 0.02; done; exit 3\n` };
    formation.converge(await target("hello", { web: 1 }, { release: 1, ...broken }), "launch");
    await witness.until(() => witness.processes.length === 1);
    formation.converge(await target("slow-boot", { web: 1 }, { release: 2 }), "launch");
    await witness.until(() => witness.processes.length === 2);
    formation.converge(await target("crashes", { web: 1 }, { release: 3 }), "launch");
    await witness.sees("web.1 v2 Process exited");
    await witness.sees("web.1 v3 State changed from starting to crashed");
    await formation.looked();
    assert.equal(shown(formation.list()), ["web.1 v3 crashed", "web.1 v1 starting"]);
    await gate.open();
    await formation.settled();
    assert.equal(shown(formation.list()), ["web.1 v3 crashed"]);
    assert.equal(witness.routes.at(-1), { endpoints: [], webState: "crashed" });
    assert.is(witness.health.length, 2);
  });

  test("a new release that is up first ends the one that it superseded", async (t) => {
    const { formation, witness } = await stage(t);
    formation.converge(await target("slow-boot", { web: 1 }, { release: 1 }), "launch");
    await witness.until(() => witness.processes.length === 1);
    formation.converge(await target("hello", { web: 1, worker: 1 }, { release: 2 }), "launch");
    await formation.settled();
    assert.equal(shown(formation.list()), ["web.1 v2 up serving", "worker.1 v2 up"]);
    assert.ok(witness.saw("web.1 v1 Process exited"));
  });

  test("a daemon that comes while the superseded one boots gives it its chance", async (t) => {
    const gate = await makeGate(t);
    const crashes = await target("crashes", { web: 1 }, { release: 2 });
    const first = await stage(t, { settings: PATIENT });
    first.formation.converge(await target("hello", { web: 1 }, { release: 1, procfile: gate.web }), "launch");
    await first.witness.until(() => first.witness.processes.length === 1);
    first.formation.converge(crashes, "launch");
    await first.witness.sees("web.1 v2 State changed from starting to crashed");
    await first.formation.shutdown({ stopApps: false });
    const second = await stage(t, { appsDirectory: first.appsDirectory, settings: PATIENT });
    second.formation.converge(crashes, "start");
    await second.formation.adopted();
    assert.equal(shown(second.formation.list()), ["web.1 v2 crashed", "web.1 v1 starting"]);
    await gate.open();
    await second.formation.settled();
    assert.equal(shown(second.formation.list()), ["web.1 v2 crashed", "web.1 v1 up serving"]);
  });

  test("scaling web to none during a launch ends the old ones too", async (t) => {
    const { formation, witness } = await stage(t);
    formation.converge(await target("hello", { web: 1 }, { release: 1 }), "launch");
    await formation.settled();
    const slow = await target("slow-boot", { web: 1 }, { release: 2 });
    formation.converge(slow, "launch");
    await witness.until(() => witness.processes.some(({ release }) => release === 2));
    formation.converge({ ...slow, quantities: {} }, "scale");
    await formation.settled();
    assert.equal(formation.list(), []);
    assert.equal(witness.routes.at(-1), { endpoints: [], webState: "none" });
  });
});

/** A Procfile whose web process listens once the gate is open. */
async function makeGate(t: TestContext): Promise<{ path: string; web: string; open(): Promise<void> }> {
  const path = join(await t.tempDir(), "gate");
  const web = `web: until [ -e ${path} ]; do sleep 0.02; done; exec node web.js\n`;
  return { path, web, open: () => writeFile(path, "") };
}

function threeOf(line: string): string[] {
  return [line, line, line];
}
