/** Kills the ledger's writer at a chosen step and checks what is left: everything that was acknowledged, and of the rest
 *  all or nothing. Each try begins with the same repository. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as assert from "uvu/assert";
import type { Release } from "../../src/core/release.ts";
import { createAppKeys, loadAppKeys } from "../../src/ledger/app-keys.ts";
import { createRepository, removeUnfinishedRepositories } from "../../src/ledger/create-repository.ts";
import { initialRelease } from "../../src/ledger/initial-release.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { openLedgerKey } from "../../src/ledger/ledger-key.ts";
import type { TestContext } from "../support/suite.ts";
import { deploy, makeCode, makeFixture, NED, setConfig, type Fixture } from "./fixture.ts";
import type { CrashOperation, CrashPlace } from "./crash-program.ts";

const run = promisify(execFile);
const PROGRAM = fileURLToPath(new URL("crash-program.js", import.meta.url));
/** Longer than any git child takes to see the end of its input. */
const PATIENCE_MS = 60_000;

/** What a try begins with. `lagging` and `lost` are about the version index, `undeployed` has no deploy branch yet. */
export type Start = "whole" | "lagging" | "lost" | "undeployed";

export interface CrashLab {
  /** The repository, index and keys of a start, fresh. */
  place(start: Start): Promise<CrashPlace>;
  fixture: Fixture;
}

export interface Try {
  operation: CrashOperation;
  start: Start;
}

/** Every operation with every start that makes a difference to it. */
export const TRIES: readonly Try[] = [
  { operation: "config", start: "whole" },
  { operation: "deploy", start: "whole" },
  { operation: "deploy", start: "undeployed" },
  { operation: "rollback", start: "whole" },
  { operation: "state", start: "whole" },
  { operation: "look", start: "lagging" },
  { operation: "look", start: "lost" },
  { operation: "upkeep", start: "whole" },
  { operation: "create", start: "whole" },
  { operation: "keys", start: "whole" },
];

export async function makeCrashLab(t: TestContext): Promise<CrashLab> {
  const fixture = await makeFixture(t);
  const undeployed = await copyOf(fixture, "undeployed.git");
  await makeHistory(fixture);
  await fixture.ledger.close();
  const whole = await copyOf(fixture, "whole.git");
  const code = await makeCode(fixture, { "index.js": "new" });
  const index = await readFile(fixture.options.indexPath);
  for (const repo of [whole, undeployed]) await fixture.gitIn(repo, "fetch", "-q", join(fixture.home, "work"), "HEAD");
  const place = async (start: Start): Promise<CrashPlace> => {
    const dir = await mkdtemp(join(fixture.home, "try-"));
    const repo = join(dir, "repos/app.git");
    await run("mkdir", ["-p", dirname(repo)]);
    await run("cp", ["-a", start === "undeployed" ? undeployed : whole, repo]);
    const indexPath = join(dir, "ledger.idx");
    if (start === "whole") await writeFile(indexPath, index);
    if (start === "lagging") await writeFile(indexPath, index.subarray(0, -40));
    return {
      repo,
      indexPath,
      code,
      ledgerKey: join(fixture.home, "ledger.key"),
      dir,
      newRepo: join(dir, "repos/new.git"),
      newAppKeys: join(dir, "new.keys"),
      newLedgerKey: join(dir, "new-ledger.key"),
      clockMs: fixture.clock.ms + 60_000,
    };
  };
  return { place, fixture };
}

/** A release of every kind, a failed one, and state. */
async function makeHistory(fixture: Fixture): Promise<void> {
  const { ledger } = fixture;
  await deploy(fixture, await makeCode(fixture, { "index.js": "1" }));
  await setConfig(ledger, "one");
  await deploy(fixture, await makeCode(fixture, { "index.js": "2" }));
  await deploy(fixture, await makeCode(fixture, { "index.js": "3" }), { status: "failed", deployRef: undefined });
  await ledger.changeState({ by: NED, via: "local", message: "Scale" }, () => ({ formation: { web: 1 } }));
}

async function copyOf(fixture: Fixture, name: string): Promise<string> {
  const path = join(fixture.home, name);
  await run("cp", ["-a", fixture.repo, path]);
  return path;
}

export interface Killing {
  /** Before the program: `node`, or `strace … node`. */
  command: readonly string[];
  env: Record<string, string>;
}

/** Runs the operation to its end, or to its death. Resolves with what it acknowledged, when nothing of it runs. */
async function runOperation(place: CrashPlace, operation: CrashOperation, { command, env }: Killing): Promise<unknown> {
  const [program = "", ...args] = command;
  const child = spawn(program, [...args, PROGRAM, operation, JSON.stringify(place)], {
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let told = "";
  let complaint = "";
  child.stdout.on("data", (chunk: Buffer) => (told += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (complaint += chunk.toString()));
  const [status] = (await once(child, "close")) as [number | null];
  await untilGroupIsGone(child.pid ?? 0);
  if (status !== null && status > 0 && status < 128 && env["FAULT_MAY_FAIL"] === undefined) throw new Error(complaint);
  return told === "" ? undefined : (JSON.parse(told) as { done: unknown }).done;
}

/** git children that were not killed see the end of their input, and end. */
async function untilGroupIsGone(leader: number): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (isAlive(-leader) && (await livingMembers(leader))) {
    if (performance.now() > deadline) throw new Error("Processes of the killed program live on.");
    await sleep(2);
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Whether the group has members that run: the dead wait for init to see them, for seconds on some machines. */
async function livingMembers(group: number): Promise<boolean> {
  for (const pid of (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name))) {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    const [state, , pgrp] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (Number(pgrp) === group && state !== "Z" && state !== "X") return true;
  }
  return process.platform !== "linux";
}

/** One try from its start to the last check. `tell` is part of the message of what fails. */
export async function tryOnce(lab: CrashLab, tried: Try, killing: Killing, tell: unknown): Promise<unknown> {
  const place = await lab.place(tried.start);
  try {
    const done = await runOperation(place, tried.operation, killing);
    await checkAfterCrash(lab, place, tried, done);
    return done;
  } catch (error) {
    throw new Error(`${JSON.stringify(tell)}: ${String(error)}`, { cause: error });
  } finally {
    await rm(place.dir, { recursive: true, force: true });
  }
}

/** Works through the points, some at a time. */
export async function tryAll<T>(
  points: readonly T[],
  atOnce: number,
  attempt: (point: T) => Promise<unknown>,
): Promise<void> {
  const waiting = [...points];
  const worker = async (): Promise<void> => {
    for (let point = waiting.shift(); point !== undefined; point = waiting.shift()) await attempt(point);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** Opens what the crash left, as the next daemon does, and asserts everything that must hold. */
async function checkAfterCrash(lab: CrashLab, place: CrashPlace, tried: Try, done: unknown): Promise<void> {
  if (tried.operation === "keys" || tried.operation === "create") await checkNewApp(place, done);
  const before = tried.start === "undeployed" ? 1 : 5;
  const makesRelease = ["config", "deploy", "rollback"].includes(tried.operation);
  const ledger = await openAs(place, place.repo, place.indexPath);
  try {
    const head = (await ledger.head())?.version ?? 0;
    assert.ok(head === before || (makesRelease && head === before + 1), `The head is v${String(head)}.`);
    if (makesRelease && done !== undefined) assert.is(head, done, "an acknowledged release is gone");
    const web = ((await ledger.readState()) as { formation?: { web: number } }).formation?.web;
    const oldWeb = tried.start === "undeployed" ? undefined : 1;
    assert.ok(web === oldWeb || (tried.operation === "state" && web === 9));
    if (tried.operation === "state" && done !== undefined) assert.is(web, 9, "an acknowledged change is gone");
    await checkChain(lab, ledger, place);
    await checkGoesOn(ledger);
    await checkChain(lab, ledger, place);
  } finally {
    await ledger.close();
  }
  assert.is(await lab.fixture.gitIn(place.repo, "fsck", "--strict", "--no-dangling", "--no-progress"), "");
}

function openAs(place: CrashPlace, repoPath: string, indexPath: string): Promise<Ledger> {
  return openLedgerKey(place.ledgerKey).then((signingKey) =>
    Ledger.open({
      repoPath,
      indexPath,
      signingKey,
      committer: NED,
      clock: { now: () => place.clockMs, sleep: async () => undefined },
    }),
  );
}

/** I1, I2, and the deploy branch, as git tells them; and the product's own reader says the same. */
async function checkChain(lab: CrashLab, ledger: Ledger, place: CrashPlace): Promise<void> {
  const releases = (await ledger.list({ max: 100 })).toReversed();
  const format = "--format=%H %ct %P|%s";
  const log = await lab.fixture.gitIn(place.repo, "log", "--first-parent", "--reverse", format, "refs/heads/releases");
  let committedAt = 0;
  for (const [n, line] of log.trimEnd().split("\n").entries()) {
    const [, oid, seconds, parents, version] = /^(\w+) (\d+) ([\w ]*)\|v(\d+): /.exec(line) ?? [];
    const release = releases[n];
    assert.equal([release?.oid, release?.version, Number(version)], [oid, n + 1, n + 1]);
    assert.equal(
      (parents ?? "").split(" ").filter((one) => one !== ""),
      [releases[n - 1]?.oid, release?.code].filter((one) => one !== undefined),
    );
    assert.ok(Number(seconds) >= committedAt, "dates go backwards");
    committedAt = Number(seconds);
  }
  for (const release of releases) {
    assert.is((await ledger.get(release.version)).oid, release.oid);
    const target = release.rollbackTo && releases[release.rollbackTo.version - 1];
    if (target !== undefined) assert.equal([release.tree, release.code], [target.tree, target.code]);
    assert.ok((await ledger.snapshot(release)).configEnv.length > 0);
  }
  const deployed = releases.findLast((one: Release) => one.change === "deploy" && one.status === "succeeded");
  const branch = await ledger.deployBranch();
  assert.is(branch && (await ledger.ref(branch)), deployed?.code);
}

/** No lock, and nothing else that was left, stands in the way of the next changes. */
async function checkGoesOn(ledger: Ledger): Promise<void> {
  const head = await ledger.head();
  assert.is(await setConfig(ledger, "after the crash"), (head?.version ?? 0) + 1);
  await ledger.changeState({ by: NED, via: "local", message: "Scale" }, () => ({ formation: { web: 3 } }));
  assert.equal(await ledger.readState(), { formation: { web: 3 } });
}

/** The app is there whole or not at all, never without its keys; and `create` can be asked for again. */
async function checkNewApp(place: CrashPlace, done: unknown): Promise<void> {
  const repos = dirname(place.newRepo);
  await removeUnfinishedRepositories(repos);
  assert.equal(
    (await readdir(repos)).filter((name) => name !== "app.git" && name !== "new.git"),
    [],
  );
  const isThere = await exists(place.newRepo);
  if (isThere) await loadAppKeys(place.newAppKeys);
  const keys = await createAppKeys(place.newAppKeys);
  const ledgerKey = await openLedgerKey(place.newLedgerKey);
  if (Array.isArray(done)) assert.equal(done, [keys.publicKey, ledgerKey.publicKey]);
  if (done === true) assert.ok(isThere, "an acknowledged app is gone");
  if (!isThere) await createAgain(place, keys.publicKey);
  const ledger = await openAs(place, place.newRepo, join(dirname(place.indexPath), "new.idx"));
  try {
    assert.is((await ledger.head())?.version, 1);
    assert.ok((await ledger.snapshot(await ledger.get(1))).configEnv.includes(keys.publicKey));
    assert.is(await setConfig(ledger, "x"), 2);
  } finally {
    await ledger.close();
  }
}

function createAgain(place: CrashPlace, publicKey: string): Promise<void> {
  return createRepository(place.newRepo, {
    hooksPath: "/nonexistent",
    async prepare(repoPath) {
      const ledger = await openAs(place, repoPath, join(repoPath, "ledger.idx"));
      await ledger.append(async () => initialRelease(NED, "local", publicKey));
      await ledger.close();
    },
  });
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
