/** Apps come and go: what a crash between two steps leaves, and what the next start makes of it. */
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { inspectMachine } from "../../src/bin/inspect-machine.ts";
import { createApp } from "../../src/platform/create-app.ts";
import { destroyApp, sweepRemains } from "../../src/platform/destroy-app.ts";
import { Home } from "../../src/platform/home.ts";
import { readConfig, setConfig } from "../../src/platform/set-config.ts";
import { scale } from "../../src/platform/scale.ts";
import { refuses } from "../support/assert.ts";
import { processesOf } from "../support/platform.ts";
import { describe } from "../support/suite.ts";
import { deploy, logText, NED, openLab, spoilProcfile, untilLogged } from "./lab.ts";

const QUIET = { note: () => undefined, fault: () => undefined };
const DAY_MS = 86_400_000;

describe("create", (test) => {
  test("an app is there with its first release, and again after a restart", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    assert.is((await app.ledger.head())?.description, "Initial release");
    assert.match(await logText(app), "Release v1 created by ned@foobazco.com");
    await lab.close();
    const again = await openLab(t, { root: lab.home.root });
    assert.is(again.platform.app("foobaz").id, app.id);
    assert.is(again.platform.app(app.id).name, "foobaz");
  });

  test("of two of one name at the same time one wins", async (t) => {
    const lab = await openLab(t);
    const results = await Promise.allSettled([1, 2, 3].map(() => createApp(lab.platform, "foobaz", NED)));
    assert.equal(results.map(({ status }) => status).sort(), ["fulfilled", "rejected", "rejected"]);
    await refuses("invalid_params", () => createApp(lab.platform, "foobaz", NED));
    assert.equal(await readdir(lab.home.repos), ["foobaz.git"]);
  });

  test("a name is made up, and never one that is taken", async (t) => {
    const lab = await openLab(t);
    const names = new Set(
      (await Promise.all([1, 2, 3].map(() => createApp(lab.platform, {}, NED)))).map((app) => app.name),
    );
    assert.is(names.size, 3);
  });

  test("killed before the repository appeared: no app, and its key serves the next create", async (t) => {
    const lab = await openLab(t);
    await lab.close();
    const root = lab.home.root;
    const key = `{"privateKeys":["${"ab".repeat(32)}"]}\n`;
    await writeFile(lab.home.configKeys("foobaz" as never), key);
    await mkdir(join(lab.home.repos, ".creating-foobaz.git-0123"));
    const again = await openLab(t, { root });
    assert.equal(again.platform.list(), []);
    assert.equal(await readdir(lab.home.repos), []);
    const app = await createApp(again.platform, "foobaz", NED);
    await setConfig(again.platform, app, { A: "1" }, NED);
    assert.is(await readFile(again.home.configKeys(app.name), "utf8"), key);
  });

  test("a repository that is not open keeps its name, and no key is made for it", async (t) => {
    const lab = await openLab(t);
    await createApp(lab.platform, "foobaz", NED);
    await lab.close();
    const again = await openLab(t, { root: (await openLab(t)).home.root });
    await rename(lab.home.repo("foobaz" as never), again.home.repo("foobaz" as never));
    await refuses("invalid_params", () => createApp(again.platform, "foobaz", NED));
    assert.equal(await readdir(join(again.home.root, "keys")), ["ledger.key"]);
  });
});

describe("destroy", (test) => {
  test("everything of the app is in one directory of the trash, and its name is free", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await deploy(lab, app);
    await scale(lab.platform, app, [{ type: "worker", mode: "set", amount: 2 }], NED);
    await app.formation.settled();
    const before = await processesOf(lab.home.app(app.name));
    assert.ok(before.length >= 2);
    await destroyApp(lab.platform, app, NED);
    assert.equal(await processesOf(lab.home.app(app.name)), []);
    await refuses("not_found", () => lab.platform.app("foobaz"));
    const [trash = ""] = await readdir(lab.home.trash);
    assert.match(trash, /^foobaz-\d{8}T\d{6}Z$/);
    assert.equal((await readdir(join(lab.home.trash, trash))).sort(), ["foobaz.keys", "logs", "repo.git"]);
    assert.equal(await readdir(lab.home.apps), []);
    const again = await createApp(lab.platform, "foobaz", NED);
    assert.is.not(again.id, app.id);
    await destroyApp(lab.platform, again, NED);
    assert.is((await readdir(lab.home.trash)).length, 2);
  });

  test("killed after its first move it is finished by the next start, in the same place", async (t) => {
    for (const moves of [1, 2, 3]) {
      const lab = await openLab(t);
      const app = await createApp(lab.platform, "foobaz", NED);
      await createApp(lab.platform, "other", NED);
      await lab.close();
      const trash = join(lab.home.trash, "foobaz-20991231T235959Z");
      await mkdir(trash);
      const steps: [string, string][] = [
        [lab.home.repo(app.name), "repo.git"],
        [lab.home.configKeys(app.name), "foobaz.keys"],
        [join(lab.home.app(app.name), "logs"), "logs"],
      ];
      for (const [from, to] of steps.slice(0, moves)) await rename(from, join(trash, to));
      const again = await openLab(t, { root: lab.home.root });
      assert.equal(
        again.platform.list().map(({ name }) => name),
        ["other"],
      );
      assert.equal(await readdir(lab.home.trash), ["foobaz-20991231T235959Z"]);
      assert.equal((await readdir(trash)).sort(), ["foobaz.keys", "logs", "repo.git"]);
      assert.equal(await readdir(lab.home.apps), ["other"]);
      assert.match(again.notes.join(), "foobaz has no repository");
    }
  });

  test("with purge nothing is kept, and what a kill left of it goes with the next start", async (t) => {
    const lab = await openLab(t);
    const [app] = [await createApp(lab.platform, "foobaz", NED), await createApp(lab.platform, "killed", NED)];
    const kept = await createApp(lab.platform, "kept", NED);
    await destroyApp(lab.platform, kept, NED);
    const [trash = ""] = await readdir(lab.home.trash);
    await destroyApp(lab.platform, app, NED, { purge: true });
    assert.equal(await readdir(lab.home.trash), [trash]);
    await lab.close();
    await mkdir(join(lab.home.trash, ".purging-killed"));
    await rename(lab.home.repo("killed" as never), join(lab.home.trash, ".purging-killed", "repo.git"));
    const again = await openLab(t, { root: lab.home.root });
    assert.equal(again.platform.list(), []);
    assert.equal(await readdir(again.home.trash), [trash]);
    for (const dir of [again.home.apps, again.home.repos]) assert.equal(await readdir(dir), []);
    assert.equal(await readdir(join(again.home.root, "keys")), ["ledger.key"]);
  });

  test("processes that no launch of this daemon knows end too", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await deploy(lab, app);
    await scale(lab.platform, app, [{ type: "worker", mode: "set", amount: 1 }], NED);
    await app.formation.settled();
    await spoilProcfile(lab.home.repo(app.name));
    await lab.close({ apps: false });
    assert.ok((await processesOf(lab.home.app(app.name))).length > 0);
    const again = await openLab(t, { root: lab.home.root });
    const found = again.platform.app("foobaz");
    await untilLogged(found, "Launch failed: Procfile line 1");
    await destroyApp(again.platform, found, NED);
    assert.equal(await processesOf(lab.home.app(app.name)), []);
  });
});

describe("start", (test) => {
  test("the trash is kept for seven days", async (t) => {
    const home = await Home.open(await t.tempDir());
    const now = Date.UTC(2026, 10, 23, 12);
    const names = ["old-20261116T115959Z", "old-20261116T115959Z-2", "young-20261116T120001Z", "strange"];
    for (const name of names) await mkdir(join(home.trash, name));
    await sweepRemains(home, now, QUIET);
    assert.equal((await readdir(home.trash)).sort(), ["strange", "young-20261116T120001Z"]);
    await sweepRemains(home, now + DAY_MS, QUIET);
    assert.equal(await readdir(home.trash), ["strange"]);
  });

  test("an app's directory without a repository goes to the trash, a stranger's stays", async (t) => {
    const home = await Home.open(await t.tempDir());
    await mkdir(join(home.apps, "foobaz", "logs"), { recursive: true });
    await writeFile(join(home.apps, "foobaz", "logs", "x.ndjson"), "");
    await mkdir(join(home.apps, "lost+found"));
    // An older one of the same name was destroyed whole: the two are not mixed.
    await mkdir(join(home.trash, "foobaz-20261116T115959Z", "logs"), { recursive: true });
    await mkdir(join(home.trash, "foobaz-20261116T115959Z", "repo.git"), { recursive: true });
    await sweepRemains(home, Date.UTC(2026, 10, 17), QUIET);
    assert.equal(await readdir(home.apps), ["lost+found"]);
    assert.equal((await readdir(home.trash)).sort(), ["foobaz-20261116T115959Z", "foobaz-20261117T000000Z"]);
    assert.equal(await readdir(join(home.trash, "foobaz-20261117T000000Z", "logs")), ["x.ndjson"]);
  });

  test("an app that cannot be opened stops no other; doctor tells it, and its key can be put back", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await setConfig(lab.platform, app, { SECRET: "s3cret" }, NED);
    await createApp(lab.platform, "other", NED);
    await lab.close();
    const [key, safe] = [lab.home.configKeys(app.name), join(lab.home.root, "safe")];
    await rename(key, safe);
    const broken = await openLab(t, { root: lab.home.root });
    assert.equal(
      broken.platform.list().map(({ name }) => name),
      ["other"],
    );
    assert.match(broken.takeFaults().join(), "opening foobaz.git");
    const refusal = await refuses("unavailable", () => broken.platform.app("foobaz"));
    assert.match(refusal.hint ?? "", "doctor");
    await refuses("invalid_params", () => createApp(broken.platform, "foobaz", NED));
    const lines = await inspectMachine({
      platform: broken.platform,
      client: "nc",
      router: { pid: 1, port: 5000, version: "1.2.2", startedAt: 0 },
      version: "1.2.3",
    });
    const line = lines.find(({ name }) => name === "foobaz");
    assert.is(line?.ok, false);
    assert.match(line?.message ?? "", "key file is missing");
    assert.is(lines.find(({ name }) => name === "other")?.ok, true);
    assert.match(lines.find(({ name }) => name === "router")?.hint ?? "", "The platform is 1.2.3.");
    await broken.close();
    assert.not.ok((await readdir(join(lab.home.root, "keys"))).includes("foobaz.keys"), "no other key was made");
    await rename(safe, key);
    const mended = await openLab(t, { root: lab.home.root });
    assert.equal(await readConfig(mended.platform.app("foobaz")), { SECRET: "s3cret" });
  });

  test("a damaged ledger and a stranger among the repositories stop no app", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await createApp(lab.platform, "other", NED);
    await lab.close();
    await writeFile(join(lab.home.repo(app.name), "refs/heads/releases"), `${"12".repeat(20)}\n`);
    await mkdir(join(lab.home.repos, "NOT AN APP.git"));
    const again = await openLab(t, { root: lab.home.root });
    assert.equal(
      again.platform.list().map(({ name }) => name),
      ["other"],
    );
    assert.is(again.takeFaults().length, 2);
  });

  test("a home of a newer version is left alone", async (t) => {
    const root = await t.tempDir();
    await Home.open(root);
    assert.is(await readFile(join(root, "format"), "utf8"), "1\n");
    await writeFile(join(root, "format"), "2\n");
    await refuses("conflict", () => Home.open(root));
  });

  test("hooks are told of a machine that has changed", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await lab.close();
    const file = join(lab.home.repo(app.name), "hook-env");
    assert.is(await readFile(file, "utf8"), "A=1\n");
    await writeFile(file, "A=0\n");
    await openLab(t, { root: lab.home.root });
    assert.is(await readFile(file, "utf8"), "A=1\n");
    // One that cannot be written, as on a full disk, keeps no app from running.
    const other = await openLab(t);
    await createApp(other.platform, "foobaz", NED);
    await other.close();
    const stuck = join(other.home.repo(app.name), "hook-env");
    await rename(stuck, `${stuck}.old`);
    await mkdir(join(stuck, "in-the-way"), { recursive: true });
    const again = await openLab(t, { root: other.home.root });
    assert.is(again.platform.list().length, 1);
    assert.match(again.takeFaults().join(), "writing hook-env of foobaz");
  });
});
