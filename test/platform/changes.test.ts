/** What changes an app: config, rollback, scale, maintenance, settings; what it costs and what it leaves as it was. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { App } from "../../src/platform/app.ts";
import { changeSettings, readSettingTexts } from "../../src/platform/change-settings.ts";
import { createApp } from "../../src/platform/create-app.ts";
import { launch } from "../../src/platform/launch.ts";
import { restart, stop } from "../../src/platform/restart.ts";
import { rollback } from "../../src/platform/rollback.ts";
import { scale } from "../../src/platform/scale.ts";
import { readConfig, setConfig } from "../../src/platform/set-config.ts";
import { setMaintenance } from "../../src/platform/set-maintenance.ts";
import { refuses, rejects } from "../support/assert.ts";
import { get } from "../support/http.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { deploy, logText, NED, openLab, SLEEPER, spoilProcfile, type Lab } from "./lab.ts";

async function deployed(t: TestContext): Promise<{ lab: Lab; app: App }> {
  const lab = await openLab(t);
  const app = await createApp(lab.platform, "foobaz", NED);
  await deploy(lab, app);
  return { lab, app };
}

/** `<object id>` of the paths of a release, its tree first. */
function objects(lab: Lab, app: App, oid: string): Promise<string> {
  return lab.git(lab.home.repo(app.name), "rev-parse", `${oid}^{tree}`, `${oid}:code`, `${oid}:config.env`);
}

const versionOf = async (app: App): Promise<number> => (await app.ledger.head())?.version ?? 0;
const stateCommits = async (lab: Lab, app: App): Promise<string[]> =>
  (await lab.git(lab.home.repo(app.name), "log", "--format=%s", "refs/heroku/state")).split("\n");

/** A release whose release phase failed: it never runs. */
async function appendFailed(app: App): Promise<number> {
  const release = await app.ledger.append(async ({ current }) => ({
    change: "config",
    description: "Config add BAD",
    ...NED,
    status: "failed",
    code: current?.code,
    snapshot: await app.ledger.snapshot(current ?? (await app.ledger.get(1))),
  }));
  return release?.version ?? 0;
}

describe("rollback", (test) => {
  test("code and config are the target's own objects, in the same tree", async (t) => {
    const { lab, app } = await deployed(t);
    await setConfig(lab.platform, app, { A: "1", B: "x y" }, NED);
    const target = await app.ledger.get(3);
    await setConfig(lab.platform, app, { A: "2", B: null }, NED);
    await deploy(lab, app, { ...SLEEPER, more: "x" });
    const release = await rollback(lab.platform, app, 3, NED);
    assert.is(release.version, 6);
    assert.is(release.description, "Rollback to v3");
    assert.is(await objects(lab, app, release.oid), await objects(lab, app, target.oid));
    assert.is(release.code, target.code);
    assert.equal(await readConfig(app), { A: "1", B: "x y" });
    assert.is(app.launchedVersion, 6);
    assert.is(await app.ledger.ref("refs/heads/main"), (await app.ledger.get(5)).code, "the branch stays");
  });

  test("without a version it takes the newest good release before the current one", async (t) => {
    const { lab, app } = await deployed(t);
    await setConfig(lab.platform, app, { A: "1" }, NED);
    await appendFailed(app);
    await setConfig(lab.platform, app, { A: "2" }, NED);
    const release = await rollback(lab.platform, app, undefined, NED);
    assert.equal(release.rollbackTo?.version, 3, "over the failed v4");
    assert.equal(await readConfig(app), { A: "1" });
  });

  test("where it cannot go it says why, and nothing changes", async (t) => {
    const { lab, app } = await deployed(t);
    const failed = await appendFailed(app);
    const before = await versionOf(app);
    const message = async (version: number | undefined): Promise<string> =>
      (await refuses("invalid_params", () => rollback(lab.platform, app, version, NED))).message;
    assert.match(await message(undefined), "No eligible release");
    assert.match(await message(1), "v1: it has no code");
    assert.match(await message(2), "v2 is the current release");
    assert.match(await message(failed), "it is a failed release");
    await refuses("not_found", () => rollback(lab.platform, app, 99, NED));
    assert.is(await versionOf(app), before);
    const empty = await createApp(lab.platform, "empty", NED);
    await refuses("invalid_params", () => rollback(lab.platform, empty, undefined, NED));
  });

  test("a target whose slug is gone is built again; one that cannot be built is refused before a release is made", async (t) => {
    const { lab, app } = await deployed(t);
    await deploy(lab, app, { ...SLEEPER, more: "x" });
    const slugs = join(lab.home.app(app.name), "slugs");
    await rm(slugs, { recursive: true });
    assert.is((await rollback(lab.platform, app, 2, NED)).version, 4);
    assert.match(await logText(app), "Discovering process types");
    await rm(slugs, { recursive: true });
    const lost = await lab.git(lab.home.repo(app.name), "rev-parse", `${(await app.ledger.get(3)).oid}:code/more`);
    await rm(join(lab.home.repo(app.name), "objects", lost.slice(0, 2), lost.slice(2)));
    await rejects(rollback(lab.platform, app, 3, NED));
    assert.is(await versionOf(app), 4);
    assert.is(app.launchedVersion, 4);
  });
});

describe("config", (test) => {
  test("a change that changes nothing makes no release", async (t) => {
    const { lab, app } = await deployed(t);
    const { release } = await setConfig(lab.platform, app, { A: "1" }, NED);
    assert.is(release?.version, 3);
    for (const change of [{ A: "1" }, { B: null }, {}])
      assert.is((await setConfig(lab.platform, app, change, NED)).release, undefined);
    assert.is(await versionOf(app), 3);
  });

  test("several at once are one release; at the same time they all count", async (t) => {
    const { lab, app } = await deployed(t);
    await setConfig(lab.platform, app, { A: "1", B: "2" }, NED);
    await Promise.all([1, 2, 3].map((n) => setConfig(lab.platform, app, { [`N${String(n)}`]: "x" }, NED)));
    assert.is(await versionOf(app), 6);
    assert.equal(Object.keys(await readConfig(app)), ["A", "B", "N1", "N2", "N3"]);
  });

  test("values are in no log line and no plain object", async (t) => {
    const { lab, app } = await deployed(t);
    await setConfig(lab.platform, app, { A: "s3cret-value" }, NED);
    assert.not.match(await logText(app), "s3cret-value");
    const head = (await app.ledger.head())?.oid ?? "";
    assert.not.match(await lab.git(lab.home.repo(app.name), "show", `${head}:config.env`), "s3cret-value");
  });

  test("a launch that fails leaves the change standing, tells the log, and touches no other app", async (t) => {
    const { lab, app } = await deployed(t);
    const other = await createApp(lab.platform, "other", NED);
    await deploy(lab, other);
    await spoilProcfile(lab.home.repo(app.name));
    await launch(lab.platform, app, "launch");
    assert.match(await logText(app), "Launch failed: Procfile line 1");
    await scale(lab.platform, other, [{ type: "worker", mode: "set", amount: 1 }], NED);
    await other.formation.settled();
    assert.equal(
      other.formation.list().map(({ state }) => state),
      ["up"],
    );
    const release = await rollback(lab.platform, app, 2, NED);
    assert.is(app.launchedVersion, release.version, "and a rollback gets it out of there");
  });

  test("a missing slug is built again by the next launch", async (t) => {
    const { lab, app } = await deployed(t);
    await rm(join(lab.home.app(app.name), "slugs"), { recursive: true });
    await setConfig(lab.platform, app, { A: "1" }, NED);
    await scale(lab.platform, app, [{ type: "worker", mode: "set", amount: 1 }], NED);
    await app.formation.settled();
    assert.equal(
      app.formation.list().map(({ name, state }) => `${name} ${state}`),
      ["worker.1 up"],
    );
    assert.match(await logText(app), "Discovering process types");
  });
});

describe("state", (test) => {
  test("scale is one commit on the state branch and no release", async (t) => {
    const { lab, app } = await deployed(t);
    const scaled = await scale(lab.platform, app, [{ type: "worker", mode: "set", amount: 2 }], NED);
    assert.equal([...scaled], [["worker", 2]]);
    assert.equal(await stateCommits(lab, app), ["Scale worker=2"]);
    await scale(lab.platform, app, [{ type: "worker", mode: "add", amount: -1 }], NED);
    await scale(lab.platform, app, [{ type: "worker", mode: "set", amount: 1 }], NED);
    assert.equal(await stateCommits(lab, app), ["Scale worker-1", "Scale worker=2"]);
    assert.is(await versionOf(app), 2);
    assert.match(await logText(app), "Scale to worker=1 by ned@foobazco.com");
  });

  test("a scale of which one part is refused does nothing", async (t) => {
    const { lab, app } = await deployed(t);
    const changes = [
      { type: "worker", mode: "set", amount: 2 },
      { type: "nosuch", mode: "set", amount: 1 },
    ] as const;
    await refuses("not_found", () => scale(lab.platform, app, changes, NED));
    await refuses("invalid_params", () => scale(lab.platform, app, [{ type: "worker", mode: "add", amount: -1 }], NED));
    await refuses("invalid_params", () =>
      scale(lab.platform, app, [{ type: "worker", mode: "set", amount: 101 }], NED),
    );
    assert.equal(await app.ledger.readState(), {});
    const empty = await createApp(lab.platform, "empty", NED);
    await refuses("not_found", () => scale(lab.platform, empty, [{ type: "web", mode: "set", amount: 1 }], NED));
  });

  test("a quantity that is added by two at once is added twice", async (t) => {
    const { lab, app } = await deployed(t);
    const one = [{ type: "worker", mode: "add", amount: 1 }] as const;
    await Promise.all([scale(lab.platform, app, one, NED), scale(lab.platform, app, one, NED)]);
    assert.equal((await app.state()).quantities, { worker: 2 });
  });

  test("maintenance set twice, also at once, is one commit; off without on is none", async (t) => {
    const { lab, app } = await deployed(t);
    await setMaintenance(lab.platform, app, false, NED);
    assert.equal(await app.ledger.readState(), {});
    await Promise.all([1, 2].map(() => setMaintenance(lab.platform, app, true, NED)));
    await setMaintenance(lab.platform, app, true, NED);
    assert.equal(await stateCommits(lab, app), ["Set maintenance mode on"]);
    assert.is((await logText(app)).split("Set maintenance mode on").length, 2);
    const { status } = await get(lab.platform.router.port, "foobaz");
    assert.is(status, 503);
    assert.is(await versionOf(app), 2);
  });

  test("settings: one commit, none for the same again, nothing for a bad one", async (t) => {
    const { lab, app } = await deployed(t);
    await changeSettings(lab.platform, app, { "boot-timeout": "90s", preboot: "off" }, NED);
    await changeSettings(lab.platform, app, { "boot-timeout": "90s" }, NED);
    await refuses("invalid_params", () =>
      changeSettings(lab.platform, app, { preboot: "on", "exit-timeout": "soon" }, NED),
    );
    assert.equal(await stateCommits(lab, app), ["Set boot-timeout=90s, preboot=off"]);
    await setMaintenance(lab.platform, app, true, NED);
    assert.is((await readSettingTexts(app))["boot-timeout"], "90s", "they share a file");
    await changeSettings(lab.platform, app, { "boot-timeout": null }, NED);
    assert.is((await readSettingTexts(app))["boot-timeout"], "60s");
    assert.is((await app.state()).maintenance, true);
  });

  test("restart and stop name what is there, and say what else is", async (t) => {
    const { lab, app } = await deployed(t);
    await refuses("not_found", () => restart(lab.platform, app, "worker.1", NED));
    await scale(lab.platform, app, [{ type: "worker", mode: "set", amount: 2 }], NED);
    await app.formation.settled();
    const before = app.formation.list().map(({ id }) => id);
    await restart(lab.platform, app, "worker.1", NED);
    await app.formation.settled();
    const after = app.formation.list().map(({ id }) => id);
    assert.is.not(after[0], before[0]);
    assert.is(after[1], before[1]);
    const { hint } = await refuses("not_found", () => stop(lab.platform, app, "web", NED));
    assert.is(hint, "Running are worker.1, worker.2.");
    assert.match(await logText(app), "Restart worker.1 by ned@foobazco.com");
    assert.not.match(await logText(app), "Stop web");
  });

  test("a destroyed app's route does not come back", async (t) => {
    const { lab, app } = await deployed(t);
    assert.is((await get(lab.platform.router.port, "foobaz")).status, 503);
    const launching = launch(lab.platform, app, "launch");
    app.end();
    await lab.platform.router.removeApp(app.name);
    await launching;
    assert.is((await get(lab.platform.router.port, "foobaz")).status, 404);
  });
});
