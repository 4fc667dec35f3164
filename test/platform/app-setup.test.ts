/** An app that is made with all it needs: whole or not at all, and its command after the first deploy runs once. */
import { readdir } from "node:fs/promises";
import * as assert from "uvu/assert";
import type { AppSetup } from "../../src/core/app-setup.ts";
import { createApp } from "../../src/platform/create-app.ts";
import { readConfig } from "../../src/platform/set-config.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";
import { bringCode, deploy, logText, NED, openLab, pushCommit, SLEEPER, untilLogged } from "./lab.ts";

describe("app set-up", (test) => {
  test("what is wrong with it makes nothing", async (t) => {
    const lab = await openLab(t);
    const setups: AppSetup[] = [
      { config_vars: { PORT: "1" } },
      { formation: { run: 1 } },
      { formation: { web: -1 } },
      { formation: { "a b": 1 } },
      { buildpacks: ["nonsense"] },
      { settings: { nonsense: "1" } },
      { settings: { "health-path": "up" } },
      { postdeploy: " " },
    ];
    for (const setup of setups) {
      await refuses("invalid_params", () => createApp(lab.platform, { name: "foobaz", setup }, NED));
    }
    assert.equal(await readdir(lab.home.repos), []);
    assert.equal(await readdir(lab.home.apps), []);
    await createApp(lab.platform, "foobaz", NED);
  });

  test("config, formation, settings and buildpacks are there from the start; postdeploy runs once", async (t) => {
    const lab = await openLab(t);
    const setup = {
      config_vars: { GREETING: "hello" },
      formation: { worker: 2 },
      buildpacks: ["heroku/procfile"],
      settings: { "health-path": "/up" },
      postdeploy: "echo $GREETING from $DYNO",
    };
    const app = await createApp(lab.platform, { name: "foobaz", setup }, NED);
    assert.equal(
      (await app.ledger.list({ max: 5 })).map(({ description }) => description),
      ["Config add GREETING", "Initial release"],
    );
    assert.equal(await readConfig(app), { GREETING: "hello" });
    const { [`postdeploy`]: _waiting, ...files } = await app.ledger.readState();
    assert.equal(files, { buildpacks: ["procfile"], formation: { worker: 2 }, settings: { "health-path": "/up" } });

    // A deploy that fails runs nothing.
    const failed = await pushCommit(
      lab,
      app,
      await bringCode(lab, app, { Procfile: "release: exit 1\nworker: exit\n" }),
    );
    assert.equal([failed.report?.ok, app.oneOffs.list()], [false, []]);
    const first = await pushCommit(lab, app, await bringCode(lab, app, SLEEPER));
    assert.match(first.shown, "-----> Running the postdeploy command once; see it with: git heroku logs --ps run\n");
    await untilLogged(app, "hello from run.1");
    await app.launches.drained();
    assert.equal((await app.ledger.readState())["postdeploy"], undefined);
    await deploy(lab, app, { ...SLEEPER, more: "x" });
    assert.equal(
      app
        .processes()
        .filter(({ name }) => name.startsWith("worker"))
        .map(({ name }) => name),
      ["worker.1", "worker.2"],
    );
    assert.is((await logText(app)).split("Run the postdeploy command").length, 2);
  });
});
