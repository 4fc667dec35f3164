/** A repository with a ledger in a temporary directory, a clock that stands still, and real git to look at it. */
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../src/core/clock.ts";
import type { ReleaseStatus } from "../../src/core/release.ts";
import type { Person } from "../../src/core/person.ts";
import { createAppKeys, type AppKeys } from "../../src/ledger/app-keys.ts";
import { createRepository } from "../../src/ledger/create-repository.ts";
import { initialRelease } from "../../src/ledger/initial-release.ts";
import { Ledger, type LedgerOptions } from "../../src/ledger/ledger.ts";
import { openLedgerKey, type LedgerKey } from "../../src/ledger/ledger-key.ts";
import type { NewRelease } from "../../src/ledger/release-writer.ts";
import type { TestContext } from "../support/suite.ts";

export const NED: Person = { name: "Ned", email: "ned@foobazco.com" };
const PLATFORM: Person = { name: "git-heroku", email: "platform@git-heroku" };

export interface StillClock extends Clock {
  ms: number;
}

export interface Fixture {
  home: string;
  repo: string;
  key: LedgerKey;
  appKeys: AppKeys;
  clock: StillClock;
  options: LedgerOptions;
  ledger: Ledger;
  /** Another ledger on the same repository, closed with the test. */
  reopen(): Promise<Ledger>;
  git(...args: string[]): Promise<string>;
  gitIn(cwd: string, ...args: string[]): Promise<string>;
}

export async function makeFixture(t: TestContext): Promise<Fixture> {
  const home = await t.tempDir();
  const repo = join(home, "foobaz.git");
  const clock: StillClock = { ms: 1_795_419_055_000, now: () => clock.ms, sleep: async () => undefined };
  const key = await openLedgerKey(join(home, "ledger.key"));
  const appKeys = await createAppKeys(join(home, "foobaz.keys"));
  const options = { indexPath: join(home, "apps", "ledger.idx"), signingKey: key, committer: PLATFORM, clock };
  await createRepository(repo, {
    hooksPath: join(home, "hooks"),
    gitConfig: [["githeroku.node", '/opt/a "b" \\c\n;#']],
    async prepare(repoPath) {
      const unfinished = await Ledger.open({ ...options, repoPath });
      await unfinished.append(async () => initialRelease(NED, "local", appKeys.publicKey));
      await unfinished.close();
    },
  });
  const reopen = async (): Promise<Ledger> => {
    const ledger = await Ledger.open({ ...options, repoPath: repo });
    t.after(() => ledger.close());
    return ledger;
  };
  return {
    home,
    repo,
    key,
    appKeys,
    clock,
    reopen,
    gitIn,
    options: { ...options, repoPath: repo },
    ledger: await reopen(),
    git: (...args) => gitIn(repo, ...args),
  };
}

/** Runs git as a user would, with no configuration of this machine. */
function gitIn(cwd: string, ...args: string[]): Promise<string> {
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: "/nonexistent",
    LC_ALL: "C",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_AUTHOR_NAME: "Dev",
    GIT_AUTHOR_EMAIL: "dev@example.com",
    GIT_COMMITTER_NAME: "Dev",
    GIT_COMMITTER_EMAIL: "dev@example.com",
  };
  return new Promise((resolve, reject) => {
    execFile("git", ["-c", "safe.directory=*", ...args], { cwd, env }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(stderr, { cause: error }));
    });
  });
}

/** Makes a code commit in the repository, as a push would have brought it. */
export async function makeCode(
  fixture: Fixture,
  files: Record<string, string>,
): Promise<{ oid: string; tree: string }> {
  const work = join(fixture.home, "work");
  await fixture.gitIn(fixture.home, "init", "-q", "-b", "main", work);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(work, path, ".."), { recursive: true });
    await writeFile(join(work, path), text);
  }
  await fixture.gitIn(work, "add", "-A");
  await fixture.gitIn(work, "commit", "-q", "--allow-empty", "-m", "code");
  await fixture.gitIn(fixture.repo, "fetch", "-q", work, "HEAD");
  const [oid = "", tree = ""] = (await fixture.gitIn(work, "rev-parse", "HEAD", "HEAD^{tree}")).trim().split("\n");
  return { oid, tree };
}

/** Appends a deploy of the code. */
export async function deploy(
  fixture: Fixture,
  code: { oid: string; tree: string },
  more: Partial<NewRelease> = {},
  ledger = fixture.ledger,
): Promise<void> {
  await ledger.append(async ({ current }) => ({
    change: "deploy",
    description: `Deploy ${code.oid.slice(0, 7)}`,
    by: NED,
    via: "local",
    status: "succeeded",
    code: code.oid,
    deployRef: { ref: "refs/heads/main", old: await ledger.ref("refs/heads/main"), new: code.oid },
    ...more,
    snapshot: {
      ...(await ledger.snapshot(current ?? fail())),
      codeTree: code.tree,
      procfile: "web: node index.js\n",
    },
  }));
}

/** Appends a config release that sets this text, unencrypted. */
export async function setConfig(ledger: Ledger, text: string, name = "FOO"): Promise<number> {
  const release = await ledger.append(async ({ current }) => ({
    change: "config",
    description: `Config add ${name}`,
    by: NED,
    via: "local",
    status: "succeeded",
    code: current?.code,
    snapshot: { ...(await ledger.snapshot(current ?? fail())), configEnv: `${name}='${text}'\n` },
  }));
  return release?.version ?? fail();
}

/** Appends a copy of an earlier release. */
export async function rollBack(ledger: Ledger, version: number, status: ReleaseStatus = "succeeded"): Promise<void> {
  const target = await ledger.get(version);
  await ledger.append(async () => ({
    change: "rollback",
    description: `Rollback to v${String(version)}`,
    by: NED,
    via: "local",
    status,
    code: target.code,
    rollbackTo: target,
    snapshot: await ledger.snapshot(target),
  }));
}

function fail(): never {
  throw new Error("There should have been a release.");
}
