/** Apps that sleep when nobody comes, and wake when somebody does. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { App } from "../../src/platform/app.ts";
import { changeSettings } from "../../src/platform/change-settings.ts";
import { createApp } from "../../src/platform/create-app.ts";
import { exists } from "../../src/platform/home.ts";
import { restart } from "../../src/platform/restart.ts";
import { scale } from "../../src/platform/scale.ts";
import { fallAsleep } from "../../src/platform/wake.ts";
import { get } from "../support/http.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { deploy, inspect, type Lab, logText, NED, openLab, until, untilLogged } from "./lab.ts";

const WEB = `require("http").createServer((_, response) => response.end("awake")).listen(process.env.PORT)\n`;
const CODE = { Procfile: "web: exec node web.js\nworker: exec sleep 600\n", "web.js": WEB };

async function openSleeper(t: TestContext, settings: Record<string, string>): Promise<{ lab: Lab; app: App }> {
  const lab = await openLab(t);
  const app = await createApp(lab.platform, "foobaz", NED);
  await changeSettings(lab.platform, app, settings, NED);
  await deploy(lab, app, CODE);
  await scale(lab.platform, app, [{ type: "worker", mode: "set", amount: 1 }], NED);
  await app.formation.settled();
  return { lab, app };
}

const states = (app: App): string[] => app.formation.list().map(({ name, state }) => `${name} ${state}`);

async function asleep(lab: Lab, app: App): Promise<void> {
  await fallAsleep(lab.platform, app);
  await app.formation.settled();
  await app.routings.drained();
}

async function times(app: App, text: string): Promise<number> {
  return (await logText(app)).split(text).length - 1;
}

describe("autosleep", (test) => {
  test("two hundred requests wake an app that fell asleep by itself, with one boot", async (t) => {
    const { lab, app } = await openSleeper(t, { autosleep: "1s" });
    await untilLogged(app, "Idling");
    await until(() => states(app)[0] === "web.1 idle");
    assert.equal(states(app), ["web.1 idle", "worker.1 up"]);
    // So that a machine that takes a second over the requests does not put it to sleep again.
    await changeSettings(lab.platform, app, { autosleep: "1h" }, NED);
    // Where the machine took a second to scale, it slept before, and the scale woke it.
    const [started, woken] = [await times(app, "Starting process"), await times(app, "Unidling")];
    const { port } = lab.platform.router;
    const answers = await Promise.all(Array.from({ length: 200 }, () => get(port, "foobaz")));
    assert.is(answers.filter(({ status, body }) => status === 200 && body === "awake").length, 200);
    assert.is((await times(app, "Starting process")) - started, 1);
    assert.is((await times(app, "Unidling")) - woken, 1);
    assert.equal(states(app), ["web.1 up", "worker.1 up"]);
    // It listens on every address, as node does unless it is told one.
    const warning = (await inspect(lab)).find(({ name }) => name === "app ports");
    if (process.platform === "linux") assert.match(warning?.message ?? "", /reach web\.1 of foobaz \(port \d+\)/);
  });

  test("a daemon that starts leaves it asleep, and the first request wakes it", async (t) => {
    const { lab, app } = await openSleeper(t, { autosleep: "1h", "autosleep-workers": "on" });
    await asleep(lab, app);
    assert.equal(states(app), ["web.1 idle", "worker.1 idle"]);
    await lab.close({ apps: false });
    const again = await openLab(t, { root: lab.home.root });
    const found = again.platform.app("foobaz");
    await found.started;
    await found.formation.settled();
    assert.equal(states(found), ["web.1 idle", "worker.1 idle"]);
    await found.routings.drained();
    assert.is((await get(again.platform.router.port, "foobaz")).body, "awake");
    await found.formation.settled();
    assert.equal(states(found), ["web.1 up", "worker.1 up"]);
    assert.is(await exists(join(again.home.app(found.name), "asleep")), false);
  });

  test("a restart, a scale and a deploy wake it; a setting does not, off does", async (t) => {
    const { lab, app } = await openSleeper(t, { autosleep: "1h" });
    const wakers: (() => Promise<unknown>)[] = [
      () => restart(lab.platform, app, "web.1", NED),
      () => scale(lab.platform, app, [{ type: "web", mode: "set", amount: 2 }], NED),
      () => deploy(lab, app, { ...CODE, "new.txt": "new" }),
      () => changeSettings(lab.platform, app, { autosleep: "off" }, NED),
    ];
    for (const wake of wakers) {
      await asleep(lab, app);
      assert.is(states(app)[0], "web.1 idle");
      await changeSettings(lab.platform, app, { "idle-timeout": `${String(wakers.indexOf(wake) + 50)}s` }, NED);
      await app.formation.settled();
      assert.is(states(app)[0], "web.1 idle");
      await wake();
      await app.formation.settled();
      assert.is(states(app)[0], "web.1 up");
    }
    assert.is(await exists(join(lab.home.app(app.name), "asleep")), false);
  });
});
