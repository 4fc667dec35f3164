/** rename: what moves, what stays, and what a kill between two steps leaves. */
import { mkdir, readdir, readFile, readlink, rename, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { createApp } from "../../src/platform/create-app.ts";
import { destroyApp } from "../../src/platform/destroy-app.ts";
import type { App } from "../../src/platform/app.ts";
import { renameApp } from "../../src/platform/rename-app.ts";
import { scale } from "../../src/platform/scale.ts";
import { readConfig, setConfig } from "../../src/platform/set-config.ts";
import { refuses } from "../support/assert.ts";
import { processesOf } from "../support/platform.ts";
import { describe } from "../support/suite.ts";
import { bringCode, deploy, logText, NED, openLab, pushCommit, SLEEPER, until, untilLogged, type Lab } from "./lab.ts";

async function versions(app: App): Promise<number[]> {
  return (await app.ledger.list({ max: 100 })).map(({ version }) => version);
}

/** What is in `repos`, `apps` and `keys`, links with where they lead. */
async function placesOf({ home }: Lab): Promise<string[]> {
  const places = [];
  for (const dir of [home.repos, home.apps, home.keys]) {
    for (const entry of await readdir(dir, { withFileTypes: true })) {
      const path = join(dir, entry.name);
      places.push(entry.isSymbolicLink() ? `${entry.name} → ${await readlink(path)}` : entry.name);
    }
  }
  return places.sort();
}

/** Its child has left the session: it is found by its HOME alone. */
const WITH_STRAY = { Procfile: "worker: setsid sleep 600 & exec sleep 600\n" };

const RENAMED = ["barfoo", "barfoo.git", "barfoo.keys", "foobaz → barfoo", "foobaz.git → barfoo.git", "ledger.key"];
const GIVEN_BACK = ["barfoo → foobaz", "barfoo.git → foobaz.git", "foobaz", "foobaz.git", "foobaz.keys", "ledger.key"];

describe("rename", (test) => {
  test("what runs goes on, releases and log stay, and the old name leads to the app", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await deploy(lab, app, WITH_STRAY);
    await setConfig(lab.platform, app, { A: "1" }, NED);
    await scale(lab.platform, app, [{ type: "worker", mode: "set", amount: 1 }], NED);
    await app.formation.settled();
    await until(() => app.formation.list()[0]?.state === "up");
    const before = { pid: app.formation.list()[0]?.pid, versions: await versions(app) };
    assert.type(before.pid, "number");

    const renamed = await renameApp(lab.platform, app, "barfoo", NED);
    assert.is(renamed.id, app.id);
    assert.equal({ pid: renamed.formation.list()[0]?.pid, versions: await versions(renamed) }, before);
    assert.equal(await readConfig(renamed), { A: "1" });
    assert.match(
      await logText(renamed),
      /Initial release by[\s\S]*Rename app from foobaz to barfoo by ned@foobazco\.com/,
    );
    assert.equal(await placesOf(lab), RENAMED);
    assert.is(lab.platform.app("foobaz"), renamed);
    assert.equal(lab.platform.list(), [renamed]);
    await refuses("invalid_params", () => createApp(lab.platform, "foobaz", NED));

    // The next daemon finds all of it.
    await lab.close({ apps: false });
    const again = await openLab(t, { root: lab.home.root });
    const found = again.platform.app("foobaz");
    await again.platform.knowsProcesses(found);
    assert.equal([found.name, found.formation.list()[0]?.pid], ["barfoo", before.pid]);
    assert.is(await deploy(again, found, { ...WITH_STRAY, file: "2" }), (before.versions[0] ?? 0) + 1);

    // And back, and gone: then both names are free.
    const back = await renameApp(again.platform, found, "foobaz", NED);
    assert.equal(await placesOf(again), GIVEN_BACK);
    assert.is(back.formation.list()[0]?.state, "up");
    assert.is(again.platform.app("barfoo"), back);
    await destroyApp(again.platform, back, NED);
    assert.equal(await placesOf(again), ["ledger.key"]);
    assert.equal(await again.platform.runtime.list("foobaz"), []);
    assert.equal(await processesOf(lab.home.root), []);
    for (const name of ["foobaz", "barfoo"]) await createApp(again.platform, name, NED);
  });

  test("three names of one app", async (t) => {
    const lab = await openLab(t);
    let app = await createApp(lab.platform, "app-a", NED);
    for (const name of ["app-b", "app-c", "app-a", "app-c"]) app = await renameApp(lab.platform, app, name, NED);
    for (const name of ["app-a", "app-b", "app-c"]) assert.is(lab.platform.app(name), app);
    assert.equal(lab.platform.formerNames.of(app.name), ["app-a", "app-b"]);
    await destroyApp(lab.platform, app, NED);
    assert.equal(await placesOf(lab), ["ledger.key"]);
  });

  test("what cannot be is refused, and nothing has changed", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    const other = await createApp(lab.platform, "other", NED);
    await writeFile(lab.home.configKeys("lonely" as never), "{}\n");
    await mkdir(join(lab.home.repos, "unknown.git"));
    for (const name of ["foobaz", "other", "Bar", "unknown"]) {
      await refuses("invalid_params", () => renameApp(lab.platform, app, name, NED));
    }
    await refuses("conflict", () => renameApp(lab.platform, app, "lonely", NED));
    await renameApp(lab.platform, other, "third", NED);
    await refuses("invalid_params", () => renameApp(lab.platform, app, "other", NED));
    assert.is(lab.platform.app("foobaz"), app);
    // Of two at once one wins.
    const both = await Promise.allSettled(["one", "two"].map((name) => renameApp(lab.platform, app, name, NED)));
    assert.equal(both.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
    assert.is((await versions(lab.platform.app("foobaz"))).length, 1);
  });

  test("a build under way is not cut off", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    const push = pushCommit(lab, app, await bringCode(lab, app, SLEEPER));
    await until(() => app.pushes.length > 0);
    await refuses("conflict", () => renameApp(lab.platform, app, "barfoo", NED));
    assert.is((await push).report?.ok, true);
    assert.is((await renameApp(lab.platform, app, "barfoo", NED)).name, "barfoo");
  });

  test("killed between any two steps: the next start brings it to its end", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await setConfig(lab.platform, app, { A: "1" }, NED);
    await lab.close();
    const { home } = lab;
    const note = join(home.repos, ".renaming-foobaz");
    const steps = [
      () => writeFile(note, JSON.stringify({ from: "foobaz", to: "barfoo", by: "ned@foobazco.com" })),
      () => rename(home.configKeys("foobaz" as never), home.configKeys("barfoo" as never)),
      () => rename(join(home.apps, "foobaz"), join(home.apps, "barfoo")),
      () => symlink("barfoo", join(home.apps, "foobaz")),
      () => rename(join(home.repos, "foobaz.git"), join(home.repos, "barfoo.git")),
      () => symlink("barfoo.git", join(home.repos, "foobaz.git")),
    ];
    for (let count = 1; count <= steps.length; count += 1) {
      for (const step of steps.slice(0, count)) await step();
      const again = await openLab(t, { root: home.root });
      assert.equal(await placesOf(again), RENAMED, String(count));
      const found = again.platform.app("foobaz");
      assert.equal([found.name, found.id, await readConfig(found)], ["barfoo", app.id, { A: "1" }]);
      await untilLogged(found, "Rename app from foobaz to barfoo by ned@foobazco.com");
      // Back, for the next round; as if the name had never been another one.
      const back = await renameApp(again.platform, found, "foobaz", NED);
      await again.close();
      assert.equal(await placesOf(again), GIVEN_BACK, String(count));
      for (const link of [join(home.apps, "barfoo"), join(home.repos, "barfoo.git")]) await unlink(link);
      assert.is(back.name, "foobaz");
    }
  });

  test("killed in the middle of getting a name back, and of a destroy", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await renameApp(lab.platform, app, "barfoo", NED);
    await lab.close();
    const { home } = lab;
    await writeFile(join(home.repos, "tmp_obj_0123456789abcdef"), '{"from"');
    await writeFile(join(home.repos, ".renaming-barfoo"), JSON.stringify({ from: "barfoo", to: "foobaz", by: "ned" }));
    await unlink(join(home.apps, "foobaz"));
    const again = await openLab(t, { root: home.root });
    assert.equal(await placesOf(again), GIVEN_BACK);
    await again.close();
    // The repository goes first: what is left of the names goes at the next start.
    const trash = join(home.trash, "foobaz-20261125T210000Z");
    await mkdir(trash);
    await rename(join(home.repos, "foobaz.git"), join(trash, "repo.git"));
    const gone = await openLab(t, { root: home.root });
    assert.equal(await placesOf(gone), ["ledger.key"]);
    assert.equal((await readdir(trash)).sort(), ["foobaz.keys", "logs", "repo.git"]);
    assert.match((await readFile(join(trash, "foobaz.keys"), "utf8")).slice(0, 20), "privateKeys");
  });
});
