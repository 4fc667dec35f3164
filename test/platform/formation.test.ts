/** The formation as people reach it: every change takes the same switch, a wait for it, and limits. */
import * as assert from "uvu/assert";
import type { App } from "../../src/platform/app.ts";
import { changeSettings } from "../../src/platform/change-settings.ts";
import { createApp } from "../../src/platform/create-app.ts";
import { readLimitTexts, setLimits } from "../../src/platform/limits.ts";
import { restart } from "../../src/platform/restart.ts";
import { rollback } from "../../src/platform/rollback.ts";
import { scale } from "../../src/platform/scale.ts";
import { setConfig } from "../../src/platform/set-config.ts";
import { waitUntilUp, type WaitRequest, type WaitResult } from "../../src/platform/wait-until-up.ts";
import { refuses } from "../support/assert.ts";
import { get } from "../support/http.ts";
import { describe } from "../support/suite.ts";
import { bringCode, deploy, logText, NED, openLab, pushCommit, untilLogged, type Lab } from "./lab.ts";

const WEB = {
  Procfile: "web: node web.js\nworker: exec sleep 600\n",
  "web.js": `require("node:http").createServer((q, s) => s.end(process.env.GREETING || "plain")).listen(process.env.PORT);\n`,
};
const CRASHING = { ...WEB, "web.js": "process.exit(7)\n" };
const NOT_STOPPED = new AbortController().signal;

function wait(lab: Lab, app: App, request: Partial<WaitRequest> = {}): Promise<WaitResult> {
  const usual = { type: undefined, withRun: false, timeoutMs: 100_000 };
  return waitUntilUp(lab.platform, app, { ...usual, ...request }, NOT_STOPPED);
}

const brief = ({ status, version, dynos }: WaitResult): [string, number, string] => [
  status,
  version,
  dynos.map(({ name, state, release }) => `${name} ${state} v${String(release)}`).join(),
];

describe("formation of an app", (test) => {
  test("deploy, config change, rollback, scale and restart answer every request meanwhile", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await deploy(lab, app, WEB);
    const over = new AbortController();
    const statuses = new Set<number>();
    const bodies = new Set<string>();
    const hammered = (async () => {
      while (!over.signal.aborted) {
        const { status, body } = await get(lab.platform.router.port, "foobaz");
        statuses.add(status);
        bodies.add(body);
      }
    })();
    await setConfig(lab.platform, app, { GREETING: "hello" }, NED);
    assert.equal(brief(await wait(lab, app)), ["up", 3, "web.1 up v3"]);
    await deploy(lab, app, { ...WEB, more: "x" });
    await rollback(lab.platform, app, 2, NED);
    assert.equal(brief(await wait(lab, app)), ["up", 5, "web.1 up v5"]);
    await scale(lab.platform, app, [{ type: "web", mode: "set", amount: 2 }], NED);
    assert.equal(brief(await wait(lab, app)), ["up", 5, "web.1 up v5,web.2 up v5"]);
    await restart(lab.platform, app, undefined, NED);
    await app.formation.settled();
    await scale(lab.platform, app, [{ type: "web", mode: "set", amount: 1 }], NED);
    await app.formation.settled();
    over.abort();
    await hammered;
    assert.equal([...statuses], [200]);
    assert.equal([...bodies].sort(), ["hello", "plain"]);
  });

  test("a wait ends with what is up, what has crashed, or what is missing when the time is over", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    assert.match((await refuses("not_found", () => wait(lab, app))).message, "until its first deploy");
    await deploy(lab, app, WEB);
    await scale(lab.platform, app, [{ type: "worker", mode: "set", amount: 1 }], NED);
    assert.equal(brief(await wait(lab, app)), ["up", 2, "web.1 up v2,worker.1 up v2"]);
    assert.equal(brief(await wait(lab, app, { type: "worker" })), ["up", 2, "worker.1 up v2"]);
    await changeSettings(lab.platform, app, { "restart-policy": "never" }, NED);
    await deploy(lab, app, CRASHING);
    assert.equal(brief(await wait(lab, app)), ["crashed", 3, "web.1 crashed v3,worker.1 up v3"]);
    assert.is((await wait(lab, app, { type: "worker" })).status, "up");
    // Nothing listens on its port, so it goes on starting.
    await pushCommit(lab, app, await bringCode(lab, app, { ...WEB, "web.js": "setInterval(() => 0, 1e6)\n" }));
    const { status, dynos } = await wait(lab, app, { type: "web", timeoutMs: 300 });
    assert.equal([status, dynos[0]?.state], ["timeout", "starting"]);
    const ending = new AbortController();
    const waiting = waitUntilUp(
      lab.platform,
      app,
      { type: undefined, withRun: true, timeoutMs: 100_000 },
      ending.signal,
    );
    ending.abort();
    await refuses("unavailable", () => waiting);
  });

  test("limits make no release, are told in the log, and count", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    const limit = (type: string, change: object): Promise<void> => setLimits(lab.platform, app, { type, change }, NED);
    await refuses("not_found", () => limit("worker", { memory: "64MB" }));
    const code = "const held = Buffer.alloc(32 << 20, 1); setInterval(() => held[0], 1e6)";
    await deploy(lab, app, { Procfile: `worker: node -e '${code}'\n` });
    await changeSettings(lab.platform, app, { "memory-check": "20ms" }, NED);
    await scale(lab.platform, app, [{ type: "worker", mode: "set", amount: 1 }], NED);
    await app.formation.settled();
    for (const type of ["wbe", "run"]) {
      await refuses(type === "run" ? "invalid_params" : "not_found", () => limit(type, { memory: "64MB" }));
    }
    await refuses("invalid_params", () => limit("worker", { memory: "64" }));
    await limit("worker", { memory: "64MB", "open-files": "4096" });
    assert.equal([...(await readLimitTexts(app))], [["worker", { memory: "64MB", "open-files": "4096" }]]);
    await limit("worker", { "open-files": null });
    await limit("worker", { "open-files": null });
    assert.is((await app.ledger.head())?.version, 2);
    const told = (await logText(app)).match(/Limit worker to [^ ]*/g);
    assert.equal(told, ["Limit worker to memory=64MB,", "Limit worker to open-files=none"]);
    if (process.platform !== "linux") return;
    await limit("worker", { memory: "8MB" });
    await untilLogged(app, "Error R15 (Memory quota vastly exceeded)");
  });
});
