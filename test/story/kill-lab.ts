/** kill -9 of the daemon at the steps of what takes several: each of these tries some of the moments, or all of them. */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { checkConverged, readLedger, untilSame } from "../support/converged.ts";
import { cloneFixture, deployFixture, must, platformClient, untilUp } from "../support/deploy.ts";
import { readKeys, readWithDotenvx } from "../support/dotenvx.ts";
import { killAt, type Moment } from "../support/kill-at.ts";
import type { ExecResult, TestPlatform } from "../support/platform.ts";
import { commitChange } from "../support/push.ts";
import { deployTwice } from "../support/two-deploys.ts";

/** Names of moments. */
export type Moments = readonly string[] | "all";

function choose(moments: Record<string, Moment>, chosen: Moments): [name: string, moment: Moment][] {
  if (chosen === "all") return Object.entries(moments);
  return chosen.map((name) => {
    const moment = moments[name];
    if (moment === undefined) throw new Error(`There is no moment when ${name}.`);
    return [name, moment];
  });
}

export async function killDuringPush(platform: TestPlatform, chosen: Moments): Promise<void> {
  const clone = await deployFixture(platform, "foobaz");
  await untilUp(platform, "foobaz", 1);
  const repo = "repos/foobaz.git";
  const moments = {
    "the build begins": { dir: "apps/foobaz/slugs" },
    "the refs are locked": { dir: `${repo}/refs/heads`, isMoment: (name: string) => name.endsWith(".lock") },
    "the release is there": { dir: `${repo}/refs/heads`, isMoment: (name: string) => name === "releases" },
    "the branch has moved": { dir: `${repo}/refs/heads`, isMoment: (name: string) => name === "main" },
    "the launch begins": { dir: "apps/foobaz/run" },
  };
  for (const [name, moment] of choose(moments, chosen)) {
    const commit = await commitChange(platform, clone, name);
    const push = await killAt(platform, moment, () =>
      platform.exec("git", ["push", "-q", "production", "main"], { cwd: clone }),
    );
    await platform.wake();
    await checkConverged(platform, "foobaz");
    if (push.status === 0) assert.is((await readLedger(platform, "foobaz"))[0]?.code, commit, name);
    await must(platform, clone, "push", "-q", "production", "main");
    assert.is((await readLedger(platform, "foobaz"))[0]?.code, commit, name);
  }
  await checkConverged(platform, "foobaz");
}

export async function killDuringChange(platform: TestPlatform, chosen: readonly number[] | "all"): Promise<void> {
  const clone = await deployFixture(platform, "foobaz");
  await untilUp(platform, "foobaz", 1);
  const refs = "repos/foobaz.git/refs/heads";
  const commands: [suffix: string, ...words: string[]][] = [
    [".lock", "config:add", "GREETING=hey"],
    ["releases", "config:add", "GREETING=hello"],
    [".lock", "rollback", "v2"],
    ["releases", "rollback", "v2"],
  ];
  for (const [index, [suffix, ...words]] of commands.entries()) {
    if (chosen !== "all" && !chosen.includes(index)) continue;
    const head = await must(platform, join(platform.home, "repos/foobaz.git"), "rev-parse", "releases");
    const isMoment = async (name: string): Promise<boolean> =>
      name.endsWith(suffix) &&
      (suffix === ".lock" || !(await readFile(join(platform.home, refs, "releases"), "utf8")).startsWith(head));
    const result = await killAt(platform, { dir: refs, isMoment }, () =>
      platform.exec("git", ["heroku", ...words], { cwd: clone }),
    );
    await platform.wake();
    const version = await checkConverged(platform, "foobaz");
    const said = /v(\d+)\n$/.exec(result.stdout)?.[1];
    if (result.status === 0 && said !== undefined) assert.is(version, Number(said), result.stdout);
  }
}

const isPending = (name: string): boolean => name === "pending-release.json";

/** The release command's own side effects may have happened; the release has not, unless it is in the ledger. */
export async function killDuringReleasePhase(platform: TestPlatform, chosen: Moments): Promise<void> {
  const clone = await deployFixture(platform, "migrates");
  await must(platform, clone, "heroku", "scale", "worker=1");
  await untilUp(platform, "migrates", 1);
  const repo = "repos/migrates.git/refs/heads";
  const pending = join(platform.home, "apps/migrates/pending-release.json");
  const moments = {
    "the build begins": { dir: "apps/migrates/slugs" },
    "the pending release is written": { dir: "apps/migrates", isMoment: isPending },
    "the command starts": { dir: "apps/migrates/run", isMoment: (name: string) => name.startsWith("release.") },
    "the release is being made": { dir: repo, isMoment: (name: string) => name === "releases.lock" },
    "the release is there": { dir: repo, isMoment: (name: string) => name === "releases" },
    "nothing is pending": { dir: "apps/migrates", isMoment: (name: string) => isPending(name) && !existsSync(pending) },
  };
  for (const [name, moment] of choose(moments, chosen)) {
    const before = await readLedger(platform, "migrates");
    const commit = await commitChange(platform, clone, name);
    const push = await killAt(platform, moment, () =>
      platform.exec("git", ["push", "-q", "production", "main"], { cwd: clone }),
    );
    await platform.wake();
    await checkConverged(platform, "migrates");
    assert.is(existsSync(pending), false, name);
    const made = (await readLedger(platform, "migrates")).slice(0, -before.length);
    assert.ok(made.length <= 1, name);
    assert.ok(made.every(({ code }) => code === commit));
    if (push.status === 0) assert.is(made[0]?.status, "succeeded", name);
    await must(platform, clone, "push", "-q", "production", "main");
    const [newest] = await readLedger(platform, "migrates");
    assert.equal([newest?.code, newest?.status], [commit, "succeeded"], name);
  }
  await checkConverged(platform, "migrates");
  const log = await must(platform, clone, "heroku", "logs", "-n", "1000", "--ps", "api");
  const failed = (await readLedger(platform, "migrates")).filter(({ status }) => status === "failed");
  for (const { version } of failed) assert.match(log, `Release v${String(version)} failed: the platform stopped`);
}

/** Whatever is killed: each release that does not come up is followed by one rollback. */
export async function killDuringAutoRollback(platform: TestPlatform, chosen: Moments): Promise<void> {
  const clone = await deployFixture(platform, "foobaz");
  await must(platform, clone, "heroku", "settings:set", "auto-rollback=on", "restart-policy=never");
  await untilUp(platform, "foobaz", 1);
  const refs = "repos/foobaz.git/refs/heads";
  let heads = new Set<string>();
  const hasMade = (count: number, suffix: string) => async (name: string) => {
    if (!name.startsWith("releases")) return false;
    heads.add(await readFile(join(platform.home, refs, "releases"), "utf8"));
    return name === `releases${suffix}` && heads.size > count;
  };
  const moments = {
    "the bad release is there": { dir: refs, isMoment: hasMade(1, "") },
    "the bad one is launched": { dir: "apps/foobaz/run" },
    "its crash is kept": { dir: "apps/foobaz", isMoment: (name: string) => name === "resting.json" },
    "the rollback is being made": { dir: refs, isMoment: hasMade(1, ".lock") },
    "the rollback is there": { dir: refs, isMoment: hasMade(2, "") },
  };
  for (const [name, moment] of choose(moments, chosen)) {
    await writeFile(join(clone, "greeting.js"), `throw new Error("${name}");\n`);
    await commitChange(platform, clone, name);
    heads = new Set([await readFile(join(platform.home, refs, "releases"), "utf8")]);
    const before = await readLedger(platform, "foobaz");
    await killAt(platform, moment, () => platform.exec("git", ["push", "-q", "production", "main"], { cwd: clone }));
    await platform.wake();
    const made = async (): Promise<string[]> =>
      (await readLedger(platform, "foobaz")).slice(0, -before.length).map(({ change }) => change);
    await untilSame(["rollback", "deploy"], made);
    await checkConverged(platform, "foobaz");
    assert.equal(await made(), ["rollback", "deploy"], name);
  }
  await platform.kill();
  await platform.start();
  const count = (await readLedger(platform, "foobaz")).length;
  await checkConverged(platform, "foobaz");
  assert.is((await readLedger(platform, "foobaz")).length, count);
}

async function namesIn(platform: TestPlatform, dir: string): Promise<string[]> {
  return (await readdir(join(platform.home, dir))).sort();
}

/** @param source where the backup is made. */
export async function killDuringRestore(source: TestPlatform, platform: TestPlatform, chosen: Moments): Promise<void> {
  const clone = await deployFixture(source, "foobaz");
  await must(source, clone, "heroku", "config:add", "GREETING=hey");
  await must(source, clone, "heroku", "scale", "worker=1");
  const file = join(source.dir, "foobaz.backup");
  await must(source, clone, "heroku", "backup", "--output", file, "--plain");
  const moments = {
    "the repository begins": { dir: "repos", isMoment: (name: string) => name.startsWith(".creating-") },
    "the keys are announced": { dir: "keys", isMoment: (name: string) => name === ".restoring-foobaz" },
    "the key is there": { dir: "keys", isMoment: (name: string) => name === "foobaz.keys" },
    "the ledger key is there": { dir: "keys", isMoment: (name: string) => name === "foobaz.ledger-key" },
    "the app is there": { dir: "repos", isMoment: (name: string) => name === "foobaz.git" },
    "it is opened": { dir: "apps" },
  };
  for (const [name, moment] of choose(moments, chosen)) {
    const result = await killAt(platform, moment, () => platform.exec("git", ["heroku", "restore", file]));
    await platform.start();
    const isThere = (await namesIn(platform, "repos")).length > 0;
    assert.equal(await namesIn(platform, "repos"), isThere ? ["foobaz.git"] : [], name);
    const keys = isThere ? ["foobaz.keys", "foobaz.ledger-key", "ledger.key"] : ["ledger.key"];
    assert.equal(await namesIn(platform, "keys"), keys, name);
    if (result.status === 0) assert.ok(isThere, name);
    if (!isThere) await must(platform, platform.dir, "heroku", "restore", file);
    assert.is(await checkConverged(platform, "foobaz"), 3, name);
    await must(platform, platform.dir, "heroku", "destroy", "--app", "foobaz", "--confirm", "foobaz");
  }
}

/** An app that is made with an app.json has all of it or is not there; what runs after the first deploy runs once. */
export async function killDuringSetup(platform: TestPlatform, chosen: Moments): Promise<void> {
  const clone = await cloneFixture(platform, "seeded");
  const repo = "repos/seeded.git";
  const making = {
    "the key is there": { dir: "keys", isMoment: (name: string) => name === "seeded.keys" },
    "the repository begins": { dir: "repos", isMoment: (name: string) => name.startsWith(".creating-") },
    "the app is there": { dir: "repos", isMoment: (name: string) => name === "seeded.git" },
    "it is opened": { dir: "apps" },
  };
  const running = {
    "the release is there": { dir: `${repo}/refs/heads`, isMoment: (name: string) => name === "releases" },
    "the command starts": { dir: "apps/seeded/run", isMoment: (name: string) => name.startsWith("run.") },
    "the command is forgotten": { dir: `${repo}/refs/heroku`, isMoment: (name: string) => name === "state.lock" },
    "it is forgotten": { dir: `${repo}/refs/heroku`, isMoment: (name: string) => name === "state" },
  };
  const create = ["heroku", "create", "seeded", "--from", ".", "--env", "API_KEY=abc", "--yes"];
  const destroy = (): Promise<string> =>
    must(platform, clone, "heroku", "destroy", "-a", "seeded", "--confirm", "seeded");
  for (const [name, moment] of choose({ ...making, ...running }, chosen)) {
    if (name in making) await killAt(platform, moment, () => platform.exec("git", create, { cwd: clone }));
    await platform.wake();
    if (!(await namesIn(platform, "repos")).includes("seeded.git")) await must(platform, clone, ...create);
    const client = platformClient(platform);
    assert.equal(Object.keys(await client.config("seeded")), ["API_KEY", "GREETING", "SESSION_SECRET"], name);
    assert.is((await client.buildpacks("seeded")).length, 1, name);
    const remote = join(platform.home, repo);
    const push = (): Promise<ExecResult> => platform.exec("git", ["push", "-q", remote, "main"], { cwd: clone });
    if (name in running) {
      // The directory of processes is made with the first of them.
      await mkdir(join(platform.home, "apps/seeded/run"), { recursive: true });
      await killAt(platform, moment, push);
    }
    await platform.wake();
    await must(platform, clone, "push", "-q", remote, "main");
    const state = (): Promise<string> => must(platform, remote, "ls-tree", "--name-only", "refs/heroku/state");
    await untilSame(false, async () => (await state()).includes("postdeploy"));
    await untilSame(1, async () => {
      const log = await must(platform, clone, "heroku", "logs", "-a", "seeded", "-n", "1000", "--source", "app");
      return log.split("from the seed of v3, secret of 64").length - 1;
    });
    await checkConverged(platform, "seeded");
    await destroy();
  }
}

export async function killDuringRevert(platform: TestPlatform, chosen: Moments): Promise<void> {
  const clone = await deployFixture(platform, "foobaz");
  await deployTwice(platform, clone);
  await untilUp(platform, "foobaz", 1);
  const refs = "repos/foobaz.git/refs/heads";
  let expected = 4;
  let head = "";
  const isRecorded = async (name: string): Promise<boolean> =>
    name === "releases" && !(await readFile(join(platform.home, refs, name), "utf8")).startsWith(head);
  const moments = {
    "the merge begins": {
      dir: "repos/foobaz.git/objects",
      isMoment: (name: string) => name.startsWith("tmp_objdir"),
    },
    "the build begins": { dir: "apps/foobaz/slugs", isMoment: (name: string) => name.startsWith(".build-") },
    "the ref is locked": { dir: refs, isMoment: (name: string) => name === "releases.lock" },
    "the release is there": { dir: refs, isMoment: isRecorded },
  };
  for (const [name, moment] of choose(moments, chosen)) {
    head = await must(platform, join(platform.home, "repos/foobaz.git"), "rev-parse", "releases");
    const result = await killAt(platform, moment, () =>
      platform.exec("git", ["heroku", "releases:revert", "v3"], { cwd: clone }),
    );
    await platform.wake();
    const version = await checkConverged(platform, "foobaz");
    const said = /v(\d+)\n/.exec(result.stdout)?.[1];
    if (result.status === 0 && said !== undefined) assert.is(version, Number(said), result.stdout);
    assert.ok(version === expected || version === expected + 1, `${name}: v${String(version)}`);
    if (version === expected) continue;
    // Whole: brought back for the next round.
    await must(platform, clone, "heroku", "rollback", "v4");
    expected = version + 1;
  }
  await must(platform, clone, "heroku", "rollback", "v2");
  await must(platform, clone, "heroku", "rollback", "v4");
  await must(platform, clone, "heroku", "releases:revert", "v3");
  const repo = join(platform.home, "repos/foobaz.git");
  assert.is(
    await must(platform, repo, "rev-parse", "releases:code/greeting.js"),
    await must(platform, repo, "rev-parse", "releases~1^2~2:greeting.js"),
  );
  await checkConverged(platform, "foobaz");
}

const MANY = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`N${String(n)}`, `value ${String(n)}`]));

export async function killDuringRotation(platform: TestPlatform, chosen: Moments): Promise<void> {
  const clone = await deployFixture(platform, "foobaz");
  await untilUp(platform, "foobaz", 1);
  const client = platformClient(platform);
  await client.changeConfig("foobaz", MANY);
  const refs = "repos/foobaz.git/refs/heads";
  const moments = {
    "the key is being written": { dir: "keys", isMoment: (name: string) => name.startsWith("tmp_obj_") },
    "the key is there": { dir: "keys", isMoment: (name: string) => name === "foobaz.keys" },
    "the release is being made": { dir: refs, isMoment: (name: string) => name === "releases.lock" },
    "the release is there": { dir: refs, isMoment: (name: string) => name === "releases" },
    "the launch begins": { dir: "apps/foobaz/run" },
  };
  const expected: Record<string, string> = { ...MANY };
  for (const [name, moment] of choose(moments, chosen)) {
    const [before, keys] = [await readLedger(platform, "foobaz"), await readKeys(platform, "foobaz")];
    const rotation = await killAt(platform, moment, () =>
      platform.exec("git", ["heroku", "config:rotate-key"], { cwd: clone }),
    );
    const now = await readKeys(platform, "foobaz");
    const grown = now.privateKeys.length - keys.privateKeys.length;
    assert.equal(now.privateKeys.slice(grown), keys.privateKeys, name);
    if (name === "the key is there")
      assert.equal([grown, (await readLedger(platform, "foobaz")).length], [1, before.length]);
    await platform.wake();
    const version = await checkConverged(platform, "foobaz");
    const keyFiles = await readdir(join(platform.home, "keys"));
    const ofLedgers = keyFiles.filter((file) => file !== "certificate.key");
    assert.equal(ofLedgers.sort(), ["foobaz.keys", "ledger.key"], name);
    if (rotation.status === 0) assert.match(rotation.stdout, `done, v${String(version)}\n`);
    assert.equal(await client.config("foobaz"), expected, name);
    assert.equal(await client.releaseConfig("foobaz", 3), MANY, name);
    const next = `STEP_${String(version)}`;
    expected[next] = name;
    await client.changeConfig("foobaz", { [next]: name });
  }
  assert.equal(await readWithDotenvx(platform, "foobaz"), expected);
  await must(platform, clone, "heroku", "rollback", "v3");
  assert.equal(await client.config("foobaz"), MANY);
  await checkConverged(platform, "foobaz");
}
