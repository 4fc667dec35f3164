/** The endpoints that look back: details of a release, differences, patches, blame and history of config vars. */
import { readFile, writeFile } from "node:fs/promises";
import { keypair } from "@dotenvx/primitives";
import * as assert from "uvu/assert";
import { ConfigCipher } from "../../src/ledger/config-cipher.ts";
import { loadAppKeys } from "../../src/ledger/app-keys.ts";
import type { App } from "../../src/platform/app.ts";
import { createApp } from "../../src/platform/create-app.ts";
import { rollback } from "../../src/platform/rollback.ts";
import { setConfig } from "../../src/platform/set-config.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { bringCode, deploy, NED, SLEEPER } from "../platform/lab.ts";
import { openApi, type ApiLab } from "./lab.ts";

interface Stage extends ApiLab {
  app: App;
  set(change: Record<string, string | null>): Promise<void>;
  diff(release: number | string, base?: number): ReturnType<ApiLab["ask"]>;
}

async function openStage(t: TestContext): Promise<Stage> {
  const lab = await openApi(t);
  const app = await createApp(lab.platform, "foobaz", NED);
  return {
    ...lab,
    app,
    set: async (change) => void (await setConfig(lab.platform, app, change, NED)),
    diff: (release, base) =>
      lab.ask(
        "GET",
        `/apps/foobaz/releases/${String(release)}/diff${base === undefined ? "" : `?base=${String(base)}`}`,
      ),
  };
}

/** A deploy whose release phase failed, as the ledger records it. */
async function failDeploy({ app, ...lab }: Stage, files: Record<string, string>): Promise<void> {
  const code = await bringCode(lab, app, files);
  const tree = (await app.ledger.resolveCommit(code))?.tree;
  await app.ledger.append(async ({ current }) => {
    if (current === undefined) throw new Error("There is no release.");
    const snapshot = { ...(await app.ledger.snapshot(current)), codeTree: tree, procfile: "web: failed\n" };
    return { change: "deploy", description: "Deploy failed", ...NED, status: "failed", code, snapshot };
  });
}

const lock = (version: string): string => JSON.stringify({ packages: { "node_modules/a": { version } } });
const SECRET = "s3cr3t-value";

/** 25 of them, each in a directory of its own. */
function goModules(text: string): Record<string, string> {
  return Object.fromEntries(Array.from({ length: 25 }, (_, n) => [`p${String(n).padStart(2, "0")}/go.mod`, text]));
}

/** `A v3` for each variable. */
async function blame({ ask }: Stage): Promise<string[]> {
  const { body } = await ask("GET", "/apps/foobaz/config-blame");
  return body.map(
    ({ name, release }: { name: string; release: { version: number } }) => `${name} v${String(release.version)}`,
  );
}

/** `changed v3` for each release. */
async function history({ ask }: Stage, name: string): Promise<string[]> {
  const { body } = await ask("GET", `/apps/foobaz/config-history/${name}`);
  return body.map(
    ({ event, release }: { event: string; release: { version: number } }) => `${event} v${String(release.version)}`,
  );
}

describe("history: releases", (test) => {
  test("a single release tells what it is made of; a rollback what it copied; no values", async (t) => {
    const stage = await openStage(t);
    const { ask, app } = stage;
    const empty = (await ask("GET", "/apps/foobaz/releases/newest/details")).body;
    assert.equal(
      [empty.version, empty.commit_subject, empty.config_names, empty.process_types, empty.copy_of],
      [1, null, [], {}, null],
    );
    await deploy(stage, app, { Procfile: "worker: exec sleep 600\nclock: exec sleep 601\n" });
    await stage.set({ B: SECRET, A: SECRET });
    await rollback(stage.platform, app, 2, NED);
    const { body } = await ask("GET", "/apps/foobaz/releases/v4/details");
    assert.equal([body.copy_of.version, body.copy_of.description], [2, `Deploy ${body.commit.slice(0, 7)}`]);
    assert.equal(body.config_names, []);
    const third = await ask("GET", "/apps/foobaz/releases/3/details");
    assert.equal(
      [third.body.config_names, third.body.commit_subject, third.body.addon_plan_names],
      [["A", "B"], "Code", []],
    );
    assert.equal(third.body.process_types, { clock: "exec sleep 601", worker: "exec sleep 600" });
    assert.not.ok(JSON.stringify(third.body).includes(SECRET));
    await failDeploy(stage, SLEEPER);
    assert.is((await ask("GET", "/apps/foobaz/releases/newest/details")).body.version, 5);
    assert.is((await ask("GET", "/apps/foobaz/releases/current")).body.version, 4);
  });

  test("a difference tells everything that changed, in both directions, and no values", async (t) => {
    const stage = await openStage(t);
    await deploy(stage, stage.app, { ...SLEEPER, "package-lock.json": lock("1.0.0"), gone: "alpha\nbeta\n" });
    await stage.set({ KEPT: SECRET, CHANGED: SECRET, GONE: SECRET });
    await deploy(stage, stage.app, {
      Procfile: "worker: exec sleep 601\n",
      "package-lock.json": lock("1.1.0"),
      new: "1\n",
    });
    await stage.set({ CHANGED: `${SECRET}!`, GONE: null, NEW: SECRET });
    const { status, body } = await stage.diff(5, 2);
    assert.is(status, 200);
    assert.equal([body.base.version, body.release.version, body.release.current], [2, 5, true]);
    assert.equal(
      body.files.map(({ path, status: how, added, removed }: Record<string, unknown>) => [path, how, added, removed]),
      [
        ["Procfile", "changed", 1, 1],
        ["gone", "removed", 0, 2],
        ["new", "added", 1, 0],
        ["package-lock.json", "changed", 1, 1],
      ],
    );
    assert.equal(body.totals, { files: 4, added: 3, removed: 4 });
    assert.equal(body.lock_files, [
      {
        path: "package-lock.json",
        status: "changed",
        changes: [{ name: "a", from: "1.0.0", to: "1.1.0" }],
        problem: null,
      },
    ]);
    assert.equal(body.config, { added: ["CHANGED", "KEPT", "NEW"], changed: [], removed: [] });
    assert.equal(body.process_types, [{ name: "worker", from: "exec sleep 600", to: "exec sleep 601" }]);
    assert.equal(body.addons, []);
    assert.equal(
      [
        body.commits.added.map(({ subject }: { subject: string }) => subject),
        body.commits.removed,
        body.commits.truncated,
      ],
      [["Code"], [], false],
    );
    const back = (await stage.diff(3, 5)).body;
    assert.equal(back.config, { added: ["GONE"], changed: ["CHANGED"], removed: ["NEW"] });
    assert.equal([back.commits.added, back.commits.removed.length], [[], 1]);
    assert.equal(back.lock_files[0].changes, [{ name: "a", from: "1.1.0", to: "1.0.0" }]);
    for (const answer of [body, back]) assert.not.ok(JSON.stringify(answer).includes(SECRET));
  });

  test("the usual base is the newest release before it that ran; failed ones can be named", async (t) => {
    const stage = await openStage(t);
    const none = await stage.diff("current");
    assert.equal([none.status, none.body.message], [404, "There is no release before v1 to compare it with."]);
    await deploy(stage, stage.app);
    const first = (await stage.diff("current")).body;
    assert.equal([first.base.version, first.release.version], [1, 2]);
    assert.equal(
      [first.files.map(({ path }: { path: string }) => path), first.commits.added.length, first.process_types[0].from],
      [["Procfile"], 1, null],
    );
    await failDeploy(stage, { Procfile: "web: failed\n" });
    await stage.set({ A: "1" });
    const config = (await stage.diff("current")).body;
    assert.equal([config.base.version, config.release.version, config.files], [2, 4, []]);
    const failed = (await stage.diff(3)).body;
    assert.equal([failed.base.version, failed.release.status, failed.totals.files], [2, "failed", 1]);
    assert.equal((await stage.diff(4, 4)).body.config, { added: [], changed: [], removed: [] });
    for (const path of ["9/diff", "1/diff?base=9", "1/diff?base=x", "x/diff"]) {
      assert.is((await stage.ask("GET", `/apps/foobaz/releases/${path}`)).status, 404, path);
    }
    assert.is((await stage.ask("GET", "/apps/foobaz/releases/2/diff?base=1&base=2")).status, 422);
  });

  test("the patch is the code's, plain or coloured, and empty where there is none", async (t) => {
    const stage = await openStage(t);
    await deploy(stage, stage.app);
    await deploy(stage, stage.app, { ...SLEEPER, ['"a\\nb"']: "x\n" });
    await stage.set({ A: SECRET });
    const patch = (query: string) => stage.ask("GET", `/apps/foobaz/releases/4/diff?patch=true&${query}`);
    const plain = await patch("base=1");
    assert.is(plain.headers["content-type"], "text/x-diff; charset=utf-8");
    assert.match(plain.body, /^diff --git a\/Procfile b\/Procfile\nnew file mode 100644\n/);
    assert.match(plain.body, 'diff --git "a/a\\nb" "b/a\\nb"\n');
    assert.not.match(plain.body, "config.env");
    assert.match((await patch("base=2&color=true")).body, "\u001b[32m+\u001b[m\u001b[32mx\u001b[m\n");
    assert.is((await patch("base=3")).body, "");
  });

  test("lock files that cannot be compared say why", async (t) => {
    const stage = await openStage(t);
    const huge = `{"packages":{}}${" ".repeat(5 * 1024 * 1024)}`;
    await deploy(stage, stage.app, {
      ...SLEEPER,
      "package-lock.json": "{}",
      "yarn.lock": "x",
      ...goModules("module a"),
    });
    await deploy(stage, stage.app, {
      ...SLEEPER,
      "package-lock.json": "{",
      "sub/package-lock.json": huge,
      ...goModules("module b"),
    });
    const problems = (await stage.diff("current")).body.lock_files.map(
      ({ path, problem }: { path: string; problem: string | null }) => [path, problem],
    );
    assert.equal(problems.slice(19, 21), [
      ["p19/go.mod", null],
      ["p20/go.mod", "too many lock files"],
    ]);
    await deploy(stage, stage.app, { ...SLEEPER, "package-lock.json": "{", "sub/package-lock.json": huge });
    await deploy(stage, stage.app, { ...SLEEPER, "package-lock.json": "[" });
    assert.equal(
      (await stage.diff("current")).body.lock_files.map(({ path, problem }: Record<string, unknown>) => [
        path,
        problem,
      ]),
      [
        ["package-lock.json", "cannot be read"],
        ["sub/package-lock.json", "too large to compare"],
      ],
    );
  });
});

describe("history: config", (test) => {
  test("blame and history follow sets, changes, removals, rollbacks and failures", async (t) => {
    const stage = await openStage(t);
    assert.equal(await blame(stage), []);
    await deploy(stage, stage.app);
    await stage.set({ A: "1", B: "1" });
    await stage.set({ A: "2", C: "1" });
    await stage.set({ C: null });
    assert.equal(await blame(stage), ["A v4", "B v3"]);
    await rollback(stage.platform, stage.app, 3, NED);
    assert.equal(await blame(stage), ["A v6", "B v3"]);
    await failDeploy(stage, { Procfile: "web: failed\n" });
    await deploy(stage, stage.app, { Procfile: "worker: exec sleep 601\n" });
    await stage.set({ C: "2" });
    assert.equal(await blame(stage), ["A v6", "B v3", "C v9"]);
    assert.equal(await history(stage, "A"), ["changed v6", "changed v4", "set v3"]);
    assert.equal(await history(stage, "C"), ["set v9", "removed v5", "set v4"]);
    const [first] = (await stage.ask("GET", "/apps/foobaz/config-blame")).body;
    assert.equal(
      [first.description, first.change, first.user.email],
      ["Rollback to v3", "rollback", "ned@foobazco.com"],
    );
  });

  test("values come only when they are asked for", async (t) => {
    const stage = await openStage(t);
    await stage.set({ A: SECRET });
    await stage.set({ A: null });
    const { body } = await stage.ask("GET", "/apps/foobaz/config-history/A?values=true");
    assert.equal(
      body.map(({ value }: { value: string | null }) => value),
      [null, SECRET],
    );
    for (const path of ["config-history/A", "config-blame", "releases/2/diff?base=1", "releases/2/details"]) {
      const answer = await stage.ask("GET", `/apps/foobaz/${path}`);
      assert.is(answer.status, 200);
      assert.not.ok(JSON.stringify(answer.body).includes(SECRET), path);
    }
  });

  test("a name that was never there is refused, with those that are near", async (t) => {
    const stage = await openStage(t);
    await stage.set({ DATABASE_URL: "1" });
    await stage.set({ DATABASE_URL: null });
    const near = await stage.ask("GET", "/apps/foobaz/config-history/DATABSE_URL");
    assert.equal(
      [near.status, near.body.id, near.body.message, near.body.hint],
      [404, "not_found", 'foobaz never had a config var "DATABSE_URL".', "Perhaps you meant DATABASE_URL."],
    );
    for (const name of ["constructor", "__proto__", "%0a", "DOTENV_PUBLIC_KEY", "x".repeat(900)]) {
      assert.is((await stage.ask("GET", `/apps/foobaz/config-history/${name}`)).status, 404, name);
    }
    assert.equal(await history(stage, "DATABASE_URL"), ["removed v3", "set v2"]);
  });

  test("a new key sets nothing: all lines change, no value does", async (t) => {
    const stage = await openStage(t);
    await stage.set({ A: "1", B: "1" });
    await stage.set({ B: "2" });
    const keyFile = stage.home.configKeys(stage.app.name);
    const { privateKeys } = JSON.parse(await readFile(keyFile, "utf8")) as { privateKeys: string[] };
    await writeFile(keyFile, JSON.stringify({ privateKeys: [keypair().privateKey, ...privateKeys] }));
    const cipher = new ConfigCipher(await loadAppKeys(keyFile));
    const app = Object.assign(Object.create(stage.app) as App, { cipher });
    await app.ledger.append(async ({ current }) => {
      if (current === undefined) throw new Error("There is no release.");
      const snapshot = await app.ledger.snapshot(current);
      const vars = await cipher.read(snapshot.configEnv);
      const configEnv = await cipher.change("", vars);
      return {
        change: "config",
        description: "Config rotate key",
        ...NED,
        status: "succeeded",
        code: undefined,
        snapshot: { ...snapshot, configEnv },
      };
    });
    Object.assign(stage.app, { cipher });
    assert.equal(await blame(stage), ["A v2", "B v3"]);
    assert.equal(await history(stage, "A"), ["set v2"]);
    assert.equal((await stage.diff(4)).body.config, { added: [], changed: [], removed: [] });
    assert.equal((await stage.diff(4, 2)).body.config, { added: [], changed: ["B"], removed: [] });
  });
});
