/** When a web process is up: it listens itself, goes on doing so, and answers what the app's health check asks. */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { describe } from "../support/suite.ts";
import { heldClock, MISSING_PROC, PATIENT, realClock, shown, stage, target } from "./support.ts";

/** A web process of one line; `listen` is called when it listens. */
function web(handler: string, listening = ""): { procfile: string } {
  const code = `require("node:http").createServer((q, s) => { ${handler} }).listen(process.env.PORT, () => { ${listening} })`;
  return { procfile: `web: node -e '${code}'\n` };
}

const BOOT_MS = 77_000;
const CHECK_MS = 7_000;

describe("readiness", (test) => {
  test("a process that throws when it has begun to listen was never up, and the old one serves on", async (t) => {
    const { formation, witness } = await stage(t, { clock: heldClock(CHECK_MS), settings: PATIENT });
    formation.converge(await target("hello", { web: 1 }, { release: 1 }), "launch");
    await formation.settled();
    // However long the machine takes to end it.
    formation.configure({ readyCheckMs: CHECK_MS });
    const throws = web("s.end()", `throw new Error("no database")`);
    formation.converge(await target("hello", { web: 1 }, { release: 2, ...throws }), "launch");
    await formation.settled();
    assert.equal(shown(formation.list()), ["web.1 v2 crashed", "web.1 v1 up serving"]);
    assert.ok(witness.saw("web.1 v2 State changed from starting to crashed"));
    assert.not(witness.saw("web.1 v2 State changed from starting to up"));
  });

  test("without preboot too, a release is judged by its own web processes", async (t) => {
    const { formation, witness } = await stage(t, { settings: { ...PATIENT, preboot: false } });
    formation.converge(await target("hello", { web: 1 }, { release: 1 }), "launch");
    await formation.settled();
    formation.converge(await target("hello", { web: 1 }, { release: 2, procfile: "web: exit 1\n" }), "launch");
    await formation.settled();
    assert.equal(witness.health, [
      { release: 1, verdict: "healthy" },
      { release: 2, verdict: "unhealthy", ps: "web.1", failure: "exited with status 1" },
    ]);
  });

  test.needing(MISSING_PROC, "a port that another program listens on makes nobody up (R10)", async (t) => {
    const clock = heldClock(BOOT_MS);
    const { formation, witness } = await stage(t, { clock, settings: { ...PATIENT, bootTimeoutMs: BOOT_MS } });
    formation.converge(await target("hello", { web: 1 }, { procfile: "web: sleep 600\n" }), "launch");
    await witness.until(() => witness.processes.length === 1);
    const { port = 0 } = witness.processes[0] ?? {};
    let visits = 0;
    const other = createServer((socket) => {
      socket.destroy();
      // When it is looked at for the third time, what the first look has found is known.
      if ((visits += 1) === 3) clock.letPass();
    }).listen(port, "127.0.0.1");
    t.after(() => other.close());
    await once(other, "listening");
    await formation.settled();
    assert.equal(shown(formation.list()), ["web.1 v1 crashed"]);
    assert.ok(
      witness.saw(
        `Error R10 (Boot timeout) -> Web process failed to bind to $PORT within 77 seconds of launch: another program listens on port ${String(port)}`,
      ),
    );
  });

  test.needing(MISSING_PROC, "a port that is bound and not served makes nobody up (R10)", async (t) => {
    const clock = heldClock(BOOT_MS);
    const { formation, runtime, witness } = await stage(t, { clock, settings: { ...PATIENT, bootTimeoutMs: BOOT_MS } });
    // As a server that has its port and loads its code, or hangs in it.
    const stuck = web("s.end()", "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)");
    const listening = runtime.listening.bind(runtime);
    let looks = 0;
    runtime.listening = (id, port) => {
      // A look asks twice, so the third question is of the second.
      if ((looks += 1) === 3) clock.letPass();
      return listening(id, port);
    };
    formation.converge(await target("hello", { web: 1 }, stuck), "launch");
    await formation.settled();
    assert.equal(shown(formation.list()), ["web.1 v1 crashed"]);
    assert.ok(witness.saw("within 77 seconds of launch: it listens, but accepts no connection"));
  });

  test("a child of the process may be the one that listens", async (t) => {
    const { formation } = await stage(t);
    const { procfile } = web("s.end()");
    const nested = procfile.replace("web: ", "web: sh -c true; ").replace("\n", " & wait\n");
    formation.converge(await target("hello", { web: 1 }, { procfile: nested }), "launch");
    await formation.settled();
    assert.equal(shown(formation.list()), ["web.1 v1 up serving"]);
  });

  test("with a health path it is up when that is answered with 2xx", async (t) => {
    const { formation, witness } = await stage(t, { settings: { healthPath: "/healthz?deep=1" } });
    const handler = `s.statusCode = [503, 302, 204][(this.n = (this.n ?? -1) + 1)]; console.log(q.url, s.statusCode); s.end()`;
    formation.converge(await target("hello", { web: 1 }, web(handler)), "launch");
    await formation.settled();
    assert.equal(shown(formation.list()), ["web.1 v1 up serving"]);
    await formation.shutdown({ stopApps: true });
    assert.equal([...witness.outputs.values()], ["/healthz?deep=1 503\n/healthz?deep=1 302\n/healthz?deep=1 204\n"]);
  });

  test("an answer to the health check that does not come within health-timeout counts as none", async (t) => {
    const settings = { healthPath: "/healthz", healthTimeoutMs: 200 };
    const { formation, witness } = await stage(t, { settings });
    const handler = `console.log(this.n = (this.n || 0) + 1); if (this.n > 1) s.end()`;
    formation.converge(await target("hello", { web: 1 }, web(handler)), "launch");
    await formation.settled();
    assert.equal(shown(formation.list()), ["web.1 v1 up serving"]);
    await formation.shutdown({ stopApps: true });
    assert.match([...witness.outputs.values()].join(""), /^1\n2\n/);
  });

  test("a health check that never passes is a boot timeout (R10) with the last answer", async (t) => {
    const clock = heldClock(BOOT_MS);
    const settings = { ...PATIENT, healthPath: "/healthz", bootTimeoutMs: BOOT_MS };
    const { formation, witness } = await stage(t, { clock, settings });
    const file = join(await t.tempDir(), "asked-twice");
    const handler = `s.statusCode = 500; s.end(); this.n ? require("node:fs").writeFileSync("${file}", "") : (this.n = 1)`;
    formation.converge(await target("hello", { web: 1 }, web(handler)), "launch");
    while (!existsSync(file)) await realClock.sleep(5);
    clock.letPass();
    await formation.settled();
    // Between two answers a look may find it busy, which is the last that is known then.
    assert.match(
      witness.lines[1] ?? "",
      /^web\.1 v1 Error R10 \(Boot timeout\) -> Web process failed to pass the health check GET \/healthz within 77 seconds of launch: it (?:answered 500|listens, but accepts no connection)$/,
    );
  });
});
