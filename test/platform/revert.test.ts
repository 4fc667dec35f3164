/** releases:revert: config, code, both; what collides, what cannot be taken back, and what others do meanwhile. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Json } from "../../src/core/json.ts";
import { formatJson } from "../../src/core/json.ts";
import type { App } from "../../src/platform/app.ts";
import { createApp } from "../../src/platform/create-app.ts";
import { planRevert, revert } from "../../src/platform/revert.ts";
import { rollback } from "../../src/platform/rollback.ts";
import { readConfig, setConfig } from "../../src/platform/set-config.ts";
import { refuses } from "../support/assert.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { deploy, logText, NED, openLab, SLEEPER, type Lab } from "./lab.ts";

const LINES = Array.from({ length: 20 }, (_, index) => `line ${String(index)}\n`).join("");

async function deployed(t: TestContext): Promise<{ lab: Lab; app: App }> {
  const lab = await openLab(t);
  const app = await createApp(lab.platform, "foobaz", NED);
  await deploy(lab, app, { ...SLEEPER, text: LINES });
  return { lab, app };
}

const versionOf = async (app: App): Promise<number> => (await app.ledger.head())?.version ?? 0;
const gitIn = (lab: Lab, app: App, ...args: string[]): Promise<string> => lab.git(lab.home.repo(app.name), ...args);
const configLine = async (lab: Lab, app: App, version: number, name: string): Promise<string | undefined> =>
  (await gitIn(lab, app, "show", `${(await app.ledger.get(version)).oid}:config.env`))
    .split("\n")
    .find((line) => line.startsWith(`${name}=`));

async function appendAddons(app: App, addons: Json, status: "succeeded" | "failed" = "succeeded"): Promise<void> {
  await app.ledger.append(async ({ current }) => ({
    change: "addon",
    description: "Add-on change",
    ...NED,
    status,
    code: current?.code,
    snapshot: {
      ...(await app.ledger.snapshot(current ?? (await app.ledger.get(1)))),
      addonsJson: formatJson(addons),
    },
  }));
}

describe("revert of config", (test) => {
  test("takes back one release by name, keeps what came later, and every other line byte for byte", async (t) => {
    const { lab, app } = await deployed(t);
    await setConfig(lab.platform, app, { A: "1", KEPT: "k" }, NED);
    await setConfig(lab.platform, app, { A: "2", B: "b", C: "c" }, NED);
    await setConfig(lab.platform, app, { D: "d" }, NED);
    const { release, changes } = await revert(lab.platform, app, 4, NED);
    assert.equal(await readConfig(app), { A: "1", D: "d", KEPT: "k" });
    assert.equal(changes.config, { added: [], changed: ["A"], removed: ["B", "C"] });
    assert.equal(
      [release?.version, release?.change, release?.description, release?.reverts?.version, release?.reverts?.oid],
      [6, "revert", "Revert v4", 4, (await app.ledger.get(4)).oid],
    );
    assert.is(release?.code, (await app.ledger.get(2)).code, "the code is the same commit");
    assert.is(await configLine(lab, app, 6, "A"), await configLine(lab, app, 3, "A"), "the old line itself");
    assert.is(await configLine(lab, app, 6, "KEPT"), await configLine(lab, app, 3, "KEPT"));
    assert.is(await configLine(lab, app, 6, "D"), await configLine(lab, app, 5, "D"));
    assert.is(app.launchedVersion, 6);
    assert.match(await logText(app), "Revert v4 by ned@foobazco.com");
  });

  test("of the current release is the release before it, tree for tree; twice is where it began", async (t) => {
    const { lab, app } = await deployed(t);
    await setConfig(lab.platform, app, { A: "1" }, NED);
    await setConfig(lab.platform, app, { A: "2", B: "x" }, NED);
    const first = await revert(lab.platform, app, 4, NED);
    assert.is(first.release?.tree, (await app.ledger.get(3)).tree);
    const second = await revert(lab.platform, app, 5, NED);
    assert.is(second.release?.tree, (await app.ledger.get(4)).tree);
    assert.is(second.release?.description, "Revert v5");
  });

  test("what is gone already makes no release, and says so", async (t) => {
    const { lab, app } = await deployed(t);
    await setConfig(lab.platform, app, { A: "1" }, NED);
    await setConfig(lab.platform, app, { A: null }, NED);
    const { release, changes } = await revert(lab.platform, app, 3, NED);
    assert.is(release, undefined);
    assert.equal(changes, {
      config: { added: [], changed: [], removed: [] },
      addons: { added: [], changed: [], removed: [] },
      files: [],
    });
    assert.is(await versionOf(app), 4);
  });

  test("a conflict lists names and no values, and nothing is recorded", async (t) => {
    const { lab, app } = await deployed(t);
    await setConfig(lab.platform, app, { A: "s3cret-1", B: "1", C: "1" }, NED);
    await setConfig(lab.platform, app, { A: "s3cret-2", B: null }, NED);
    await setConfig(lab.platform, app, { A: "s3cret-3", B: "2", C: "2" }, NED);
    const error = await refuses("conflict", () => revert(lab.platform, app, 4, NED));
    assert.match(error.message, "\n  config var A\n  config var B");
    assert.not.match(error.message, "config var C");
    assert.not.match(`${error.message} ${String(error.hint)} ${await logText(app)}`, "s3cret");
    assert.is(await versionOf(app), 5);
  });

  test("before the first deploy too", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await setConfig(lab.platform, app, { A: "1" }, NED);
    const { release } = await revert(lab.platform, app, 2, NED);
    assert.equal([release?.version, release?.code], [3, undefined]);
    assert.is(release?.tree, (await app.ledger.get(1)).tree);
  });

  test("what no longer fits beside later config is refused", async (t) => {
    const { lab, app } = await deployed(t);
    await setConfig(lab.platform, app, { BIG: "x".repeat(40_000) }, NED);
    await setConfig(lab.platform, app, { BIG: null }, NED);
    await setConfig(lab.platform, app, { LATER: "y".repeat(40_000) }, NED);
    await refuses("invalid_params", () => revert(lab.platform, app, 4, NED));
    assert.is(await versionOf(app), 5);
  });

  test("add-ons merge by name", async (t) => {
    const { lab, app } = await deployed(t);
    await appendAddons(app, { cache: { plan: "memcache:5mb" } });
    await appendAddons(app, { cache: { plan: "memcache:25mb" }, db: { plan: "postgres:1" } });
    await appendAddons(app, { cache: { plan: "memcache:25mb" }, db: { plan: "postgres:1" }, mail: { plan: "m" } });
    const { changes } = await revert(lab.platform, app, 4, NED);
    assert.equal(changes.addons, { added: [], changed: ["cache"], removed: ["db"] });
    const { addonsJson } = await app.ledger.snapshot(await app.ledger.get(6));
    assert.is(addonsJson, formatJson({ cache: { plan: "memcache:5mb" }, mail: { plan: "m" } }));
    assert.match(
      (
        await refuses("conflict", () =>
          revert(lab.platform, app, 4, NED)
            .then(() => revert(lab.platform, app, 3, NED))
            .then(() => revert(lab.platform, app, 4, NED)),
        )
      ).message,
      "add-on cache",
    );
  });
});

describe("revert of code", (test) => {
  test("merges the code, names the release, and builds it before it is released", async (t) => {
    const { lab, app } = await deployed(t);
    await deploy(lab, app, { ...SLEEPER, text: LINES.replace("line 3\n", "LINE 3\n"), gone: "x" });
    await deploy(lab, app, {
      ...SLEEPER,
      text: LINES.replace("line 3\n", "LINE 3\n").replace("line 17", "LINE 17"),
      gone: "x",
    });
    await setConfig(lab.platform, app, { A: "1" }, NED);
    const { release, changes } = await revert(lab.platform, app, 3, NED);
    const { oid, code = "" } = release ?? { oid: "" };
    assert.equal(changes.files, [
      { path: "gone", change: "removed" },
      { path: "text", change: "changed" },
    ]);
    assert.is(`${await gitIn(lab, app, "show", `${oid}:code/text`)}\n`, LINES.replace("line 17", "LINE 17"));
    assert.equal(await readConfig(app), { A: "1" });
    const reverted = await app.ledger.get(3);
    assert.is(
      await gitIn(lab, app, "log", "-1", "--format=%P %an %cn%n%B", code),
      [
        `${(await app.ledger.get(4)).code ?? ""} Ned git-heroku`,
        `Revert v3: ${reverted.description}`,
        "",
        "This takes back what release v3 changed in the code.",
        "",
        `v3 is ${reverted.oid},`,
        `its code is ${reverted.code ?? ""}.`,
      ].join("\n"),
    );
    assert.is(await gitIn(lab, app, "rev-parse", `${oid}^2`), code, "clones can fetch it");
    assert.is(await app.ledger.ref("refs/heads/main"), (await app.ledger.get(4)).code, "the branch stays");
    assert.is(app.launchedVersion, 6);
    assert.match(await logText(app), "Discovering process types");
    await gitIn(lab, app, "fsck", "--strict");
  });

  test("of the current deploy is the tree of the release before; nothing is built again", async (t) => {
    const { lab, app } = await deployed(t);
    await deploy(lab, app, { ...SLEEPER, text: "other\n" });
    const { release } = await revert(lab.platform, app, 3, NED);
    assert.is(release?.tree, (await app.ledger.get(2)).tree);
    assert.is.not(
      release?.code,
      (await app.ledger.get(2)).code,
      "a commit of its own, so that it can be cherry-picked",
    );
    assert.match(await logText(app), "Same code as before: using its slug");
    const again = await revert(lab.platform, app, 4, NED);
    assert.is(again.release?.tree, (await app.ledger.get(3)).tree);
  });

  test("of a rollback brings back what it had left", async (t) => {
    const { lab, app } = await deployed(t);
    await setConfig(lab.platform, app, { A: "1" }, NED);
    await deploy(lab, app, { ...SLEEPER, text: "other\n" });
    await rollback(lab.platform, app, 2, NED);
    await setConfig(lab.platform, app, { LATER: "x" }, NED);
    const { release } = await revert(lab.platform, app, 5, NED);
    assert.equal(await readConfig(app), { A: "1", LATER: "x" });
    assert.is(await gitIn(lab, app, "show", `${release?.oid ?? ""}:code/text`), "other");
  });

  test("a conflict lists files and config vars together, and leaves no object behind", async (t) => {
    const { lab, app } = await deployed(t);
    await deploy(lab, app, { ...SLEEPER, text: LINES.replace("line 3", "v3"), "odd\tname": "x\n" });
    await deploy(lab, app, { ...SLEEPER, text: LINES.replace("line 3", "v4"), "odd\tname": "y\n" });
    // Notes are objects too.
    await app.notings.drained();
    const objects = join(lab.home.repo(app.name), "objects");
    const before = (await readdir(objects, { recursive: true })).sort();
    const error = await refuses("conflict", () => revert(lab.platform, app, 3, NED));
    assert.match(error.message, "\n  file odd\\tname\n  file text");
    assert.match(error.hint ?? "", "git heroku rollback v2");
    assert.equal((await readdir(objects, { recursive: true })).sort(), before);
    await refuses("conflict", () => planRevert(app, 3));
    assert.is(await versionOf(app), 4);
  });

  test("a plan tells the same and leaves nothing behind", async (t) => {
    const { lab, app } = await deployed(t);
    await deploy(lab, app, { ...SLEEPER, text: LINES.replace("line 3", "v3") });
    await deploy(lab, app, { ...SLEEPER, text: LINES.replace("line 3", "v3").replace("line 17", "v4"), more: "x" });
    // Notes are objects too.
    await app.notings.drained();
    const objects = join(lab.home.repo(app.name), "objects");
    const before = (await readdir(objects, { recursive: true })).sort();
    const changes = await planRevert(app, 3);
    assert.equal(changes.files, [{ path: "text", change: "changed" }]);
    assert.equal((await readdir(objects, { recursive: true })).sort(), before);
    assert.equal((await revert(lab.platform, app, 3, NED)).changes, changes);
  });

  test("code that does not build without the change is refused, with the reason", async (t) => {
    const { lab, app } = await deployed(t);
    await deploy(lab, app, { ...SLEEPER, needed: "x" });
    await deploy(lab, app, { ...SLEEPER, needed: "x", "package.json": '{"scripts":{"build":"test -f needed"}}' });
    const error = await refuses("invalid_params", () => revert(lab.platform, app, 3, NED));
    assert.match(error.message, "Cannot revert v3: the code without its change does not build");
    assert.match(error.hint ?? "", "`npm run build` ended with exit status 1.");
    assert.match(error.hint ?? "", "git heroku logs --ps build");
    assert.match(await logText(app), '"msg":"       > test -f needed"');
    assert.is(await versionOf(app), 4);
  });

  test("of a first deploy, a failed release, the first one, one that is not there", async (t) => {
    const { lab, app } = await deployed(t);
    await appendAddons(app, { x: {} }, "failed");
    const message = async (version: number): Promise<string> =>
      (await refuses("invalid_params", () => revert(lab.platform, app, version, NED))).message;
    assert.match(await message(1), "first release");
    assert.match(await message(2), "first deploy");
    assert.match(await message(3), "failed release, which never ran");
    await refuses("not_found", () => revert(lab.platform, app, 4, NED));
    assert.is(await versionOf(app), 3);
  });

  test("a failed release before it is not what it started from", async (t) => {
    const { lab, app } = await deployed(t);
    await appendAddons(app, { x: {} }, "failed");
    await setConfig(lab.platform, app, { A: "1" }, NED);
    const { release } = await revert(lab.platform, app, 4, NED);
    assert.is(release?.tree, (await app.ledger.get(2)).tree);
  });
});

describe("revert while others change the app", (test) => {
  test("config that changes during the build is merged too; a deploy asks for another merge", async (t) => {
    const { lab, app } = await deployed(t);
    await deploy(lab, app, { ...SLEEPER, text: LINES.replace("line 3", "v3") });
    await deploy(lab, app, { ...SLEEPER, text: LINES.replace("line 3", "v3"), more: "x" });
    // Each change is made when the revert has merged, before it asks the ledger.
    const interrupts = [
      () => deploy(lab, app, { ...SLEEPER, text: LINES.replace("line 3", "v3"), more: "y" }),
      () => setConfig(lab.platform, app, { MEANWHILE: "1" }, NED),
    ];
    const { code } = app.ledger;
    const write = code.writeCommit.bind(code);
    let commits = 0;
    code.writeCommit = async (commit) => {
      commits += 1;
      await interrupts.shift()?.();
      return write(commit);
    };
    const { release } = await revert(lab.platform, app, 3, NED);
    assert.is(commits, 2, "once more after the deploy, not after the config change");
    const oid = release?.oid ?? "";
    assert.is(await gitIn(lab, app, "show", `${oid}:code/more`), "y");
    assert.is(`${await gitIn(lab, app, "show", `${oid}:code/text`)}\n`, LINES);
    assert.is((await readConfig(app))["MEANWHILE"], "1");
    assert.is(release?.parent, (await app.ledger.get((release?.version ?? 0) - 1)).oid);
  });

  test("many at once: each is made, refused or found done, and versions are without gaps", async (t) => {
    const { lab, app } = await deployed(t);
    for (let n = 0; n < 6; n += 1) await setConfig(lab.platform, app, { [`N${String(n)}`]: "x" }, NED);
    const results = await Promise.all(
      [3, 4, 5, 6, 7, 8, 3, 4].map((version) => revert(lab.platform, app, version, NED)),
    );
    const made = results.filter(({ release }) => release !== undefined);
    assert.is(made.length, 6);
    assert.equal(await readConfig(app), {});
    assert.is(await versionOf(app), 14);
  });
});
