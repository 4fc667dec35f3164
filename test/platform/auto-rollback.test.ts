/** What follows when a release's web processes never come up: it is told, and undone where the app wants that. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { App } from "../../src/platform/app.ts";
import { changeSettings } from "../../src/platform/change-settings.ts";
import { createApp } from "../../src/platform/create-app.ts";
import type { Platform } from "../../src/platform/platform.ts";
import { rollback } from "../../src/platform/rollback.ts";
import { get } from "../support/http.ts";
import { describe } from "../support/suite.ts";
import { bringCode, deploy, logText, NED, openLab, pushCommit, until, untilLogged } from "./lab.ts";

const GOOD = { Procfile: `web: node -e 'require("http").createServer((q, s) => s.end()).listen(process.env.PORT)'\n` };
const BAD = { Procfile: "web: exit 3\n" };

async function set(platform: Platform, app: App, settings: Record<string, string>): Promise<void> {
  await changeSettings(platform, app, settings, NED);
}

async function releases(app: App): Promise<string[]> {
  return (await app.ledger.list({ max: 20 })).map(
    ({ version, description, by, via }) => `v${String(version)} ${description} ${by.email} ${via}`,
  );
}

describe("auto-rollback", (test) => {
  test("a release that never comes up is rolled back once, the pusher is told, and a rollback stays", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await set(lab.platform, app, { "auto-rollback": "on", "restart-policy": "never" });
    const good = await pushCommit(lab, app, await bringCode(lab, app, GOOD));
    assert.match(good.shown, "-----> Verifying deploy...\n       web is up in v2\n");

    const bad = await pushCommit(lab, app, await bringCode(lab, app, BAD));
    assert.is(bad.report?.ok, true);
    assert.match(
      bad.shown,
      "\n !     web.1 of v3 exited with status 3 before it was up; v2 serves on.\n" +
        " !     Rollback to v2 by the platform, v4 (auto-rollback).\n",
    );
    await app.formation.settled();
    await app.healing;
    assert.is((await releases(app))[0], "v4 Rollback to v2 platform@git-heroku platform");
    assert.is(await app.healthy.version(), 4);

    // Whoever wants the bad one gets it.
    await rollback(lab.platform, app, 3, NED);
    await untilLogged(app, "v5 is not rolled back automatically: it is a rollback itself");
    await app.healing;
    assert.is((await releases(app)).length, 5);
    const log = await logText(app);
    assert.match(log, `"level":"error","msg":"web.1 of v3 exited with status 3 before it was up; v2 serves on"`);
    assert.match(log, "v4 serves on; roll back with: git heroku rollback");
  });

  test("what a daemon has not come to do, the next one does", async (t) => {
    const root = await t.tempDir();
    const lab = await openLab(t, { root });
    const app = await createApp(lab.platform, "foobaz", NED);
    await set(lab.platform, app, { "restart-policy": "never" });
    await deploy(lab, app, GOOD);
    await deploy(lab, app, BAD);
    await app.healing;
    assert.is((await releases(app)).length, 3, "it is off");
    await set(lab.platform, app, { "auto-rollback": "on" });
    await lab.close({ apps: false });

    const second = await openLab(t, { root });
    const found = second.platform.app("foobaz");
    await untilLogged(found, "Release v4 created by platform@git-heroku");
    await found.formation.settled();
    await second.close({ apps: false });

    const third = await openLab(t, { root });
    const again = third.platform.app("foobaz");
    await third.platform.knowsProcesses(again);
    await again.formation.settled();
    await again.healing;
    assert.equal((await releases(again))[0], "v4 Rollback to v2 platform@git-heroku platform");
    assert.equal(
      again.processes().map(({ name, state, release }) => [name, state, release]),
      [["web.1", "up", 4]],
    );
  });

  test("one that was up and crashes later is not a bad release", async (t) => {
    const root = await t.tempDir();
    const lab = await openLab(t, { root });
    const app = await createApp(lab.platform, "foobaz", NED);
    await set(lab.platform, app, { "auto-rollback": "on", "restart-policy": "never" });
    await deploy(lab, app, GOOD);
    const once = `web: node -e 'require("http").createServer((q, s) => { s.end(); process.exit(1); }).listen(process.env.PORT)'\n`;
    await deploy(lab, app, { Procfile: once });
    const [web] = app.processes();
    await fetch(`http://127.0.0.1:${String(web?.port)}/`).catch(() => undefined);
    await untilLogged(app, "State changed from up to crashed");
    await lab.close({ apps: false });

    const second = await openLab(t, { root });
    const found = second.platform.app("foobaz");
    await second.platform.knowsProcesses(found);
    await found.formation.settled();
    await found.healing;
    assert.is((await releases(found)).length, 3);
  });

  test("superseded before it was up, a release serves when the next one does not, and is rolled back to", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await set(lab.platform, app, { "restart-policy": "never" });
    const gate = join(await t.tempDir(), "gate");
    const slow = { Procfile: GOOD.Procfile.replace("web: ", `web: until [ -e ${gate} ]; do sleep 0.02; done; `) };
    await pushCommit(lab, app, await bringCode(lab, app, slow));
    await until(() => app.processes()[0]?.pid !== undefined);
    await pushCommit(lab, app, await bringCode(lab, app, BAD));
    await untilLogged(app, "web.1 of v3 exited with status 3 before it was up; v2 is still starting");
    await set(lab.platform, app, { "auto-rollback": "on" });
    const page = get(lab.platform.router.port, "foobaz");
    await writeFile(gate, "");
    assert.is((await page).status, 200);
    await untilLogged(app, "web.1 of v3 exited with status 3 before it was up; v2 serves on");
    await untilLogged(app, "Release v4 created by platform@git-heroku");
    await app.healing;
    await app.formation.settled();
    assert.is((await releases(app))[0], "v4 Rollback to v2 platform@git-heroku platform");
    assert.equal(
      app.processes().map(({ state, release }) => [state, release]),
      [["up", 4]],
    );
  });
});
