/** `releases:verify` in clones of ledgers that were made by hand: what it remembers, what it refuses, whom it believes.
 *  No platform runs: the command must do without. */
import { execFile, spawnSync } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import * as assert from "uvu/assert";
import { cli, type CliRun } from "../support/cli.ts";
import { ForgedLedger, type Edit } from "../support/forged-ledger.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { testKey } from "../support/test-keys.ts";
import { ROOT } from "../support/transcript.ts";

const run = promisify(execFile);

interface Scene {
  ledger: ForgedLedger;
  /** The app's repository. */
  repo: string;
  clone: string;
  /** Writes what the ledger has now into the app's repository. */
  publish(ledger?: ForgedLedger): Promise<void>;
  git(cwd: string, ...args: string[]): Promise<string>;
  verify(...words: string[]): Promise<CliRun>;
  env: Record<string, string>;
  verifyIn(cwd: string, ...words: string[]): Promise<CliRun>;
}

/** The built command in a process of its own, which tells its peak of resident memory as it ends. */
function runWithPeak({ clone, env }: Scene, ...words: string[]): { stderr: string; peakMb: number } {
  const report = 'process.on("exit",()=>process.stderr.write("peak "+process.resourceUsage().maxRSS+"\\n"))';
  const args = ["--import", `data:text/javascript,${encodeURIComponent(report)}`, join(ROOT, "dist/bin/git-heroku.js")];
  const { stderr } = spawnSync(process.execPath, [...args, ...words], { cwd: clone, env, encoding: "utf8" });
  return { stderr, peakMb: Number(/^peak (\d+)$/m.exec(stderr)?.[1]) / 1024 };
}

const edit = (verb: string, rest: string): Edit => ({ verb, rest });

function makeLedger(...words: string[]): ForgedLedger {
  const ledger = new ForgedLedger();
  for (const word of ["initial", "deploy", ...words]) ledger.release(word);
  return ledger;
}

async function makeScene(t: TestContext, ledger = makeLedger("config", "config")): Promise<Scene> {
  const root = await t.tempDir();
  const home = join(root, "home");
  const repo = join(home, "repos", "foobaz.git");
  const clone = join(root, "clone");
  const env = { PATH: process.env["PATH"] ?? "", HOME: root, GIT_HEROKU_HOME: home, GIT_CONFIG_NOSYSTEM: "1" };
  await mkdir(join(home, "repos"), { recursive: true });
  await ledger.writeTo(repo);
  const scene: Scene = {
    ledger,
    repo,
    clone,
    env,
    publish: (other = ledger) => other.writeTo(repo),
    git: async (cwd, ...args) => (await run("git", args, { cwd, env })).stdout.trim(),
    verify: (...words) => scene.verifyIn(clone, ...words),
    verifyIn: (cwd, ...words) => cli({ env, cwd }, "releases:verify", ...words),
  };
  await scene.git(root, "init", "-q", "-b", "main", clone);
  await scene.git(clone, "remote", "add", "production", repo);
  await scene.git(clone, "fetch", "-q", "production");
  return scene;
}

async function passes(running: Promise<CliRun>, words: string | RegExp): Promise<void> {
  const { status, stdout, stderr } = await running;
  assert.is(stderr, "");
  assert.match(stdout, words);
  assert.is(status, 0);
}

async function refuses(running: Promise<CliRun>, words: string | RegExp): Promise<CliRun> {
  const result = await running;
  assert.is(result.status, 1, result.stdout);
  assert.match(result.stderr, words);
  return result;
}

/** git makes its objects read-only. */
async function change(path: string, bytes: Buffer): Promise<void> {
  await rm(path);
  await writeFile(path, bytes);
}

describe("releases:verify in a clone", (test) => {
  test("remembers what it has verified, and nothing that it has refused", async (t) => {
    const scene = await makeScene(t);
    const seen = (): Promise<string> => scene.git(scene.clone, "config", "remote.production.ledgerseen");
    await passes(scene.verify(), "done, 4 releases, v1 to v4, signed by SHA256:");
    assert.is(await seen(), scene.ledger.head);
    assert.is(await scene.git(scene.clone, "rev-parse", "refs/heroku/seen/production/releases"), scene.ledger.head);
    const good = scene.ledger.head;
    scene.ledger.release("config", [edit("sign", "other")]);
    await scene.publish();
    await refuses(scene.verify("--fetch"), /v5: It is signed by SHA256:\S+, not by SHA256:\S+\. \(signature-key\)/);
    assert.is(await seen(), good);
    const json = JSON.parse((await scene.verify("--json")).stdout) as { findings: unknown[]; releases: number };
    assert.equal([json.releases, json.findings.length], [5, 1]);
  });

  test("tells the first findings and how many more there are", async (t) => {
    const ledger = makeLedger();
    for (let n = 0; n < 30; n += 1) ledger.release("config", [edit("sign", "none")]);
    const scene = await makeScene(t, ledger);
    const { stderr } = await refuses(scene.verify(), "v3: It is not signed. (signature-missing)");
    assert.is(stderr.trimEnd().split("\n").length, 21);
    assert.match(stderr, " !    … and 10 more.\n");
  });

  test("a ledger of somebody else in its place has nothing in common", async (t) => {
    const scene = await makeScene(t);
    await passes(scene.verify(), "done");
    const other = new ForgedLedger();
    other.release("initial", [edit("trailer", "Ledger-Key: $other"), edit("sign", "other")]);
    other.release("config", [edit("sign", "other")]);
    await scene.publish(other);
    const { stderr } = await refuses(scene.verify("--fetch"), "The ledger of foobaz was rewritten");
    assert.match(stderr, "The two histories have no release in common.");
    assert.match(stderr, /had seen:\n !      v1 .*\n !      v2 /);
  });

  test("what is wrong is not accepted, whatever a person says", async (t) => {
    const scene = await makeScene(t);
    await passes(scene.verify(), "done");
    const other = makeLedger("config");
    other.release("config", [edit("sign", "other")]);
    await scene.publish(other);
    await scene.git(scene.clone, "fetch", "-q", "production");
    await refuses(scene.verify("--accept-rewrite"), /signature-key[^]*--accept-rewrite\n$/);
    assert.is(await scene.git(scene.clone, "config", "remote.production.ledgerseen"), scene.ledger.head);
  });

  test("what was seen and lost is told all the same", async (t) => {
    const scene = await makeScene(t);
    await scene.git(scene.clone, "config", "remote.production.ledgerseen", "0123456789abcdef0123456789abcdef01234567");
    await refuses(scene.verify(), "What this clone had seen, 0123456789ab, is no longer here.");
  });

  test("a key that the old one did not vouch for is believed when a person says so, once", async (t) => {
    const ledger = makeLedger("config");
    ledger.release("config", [edit("trailer", "Ledger-Key: $new"), edit("sign", "new")]);
    ledger.release("config", [edit("sign", "new")]);
    const scene = await makeScene(t, ledger);
    const { fingerprint, publicKey } = testKey("new");
    await refuses(scene.verify(), `git heroku releases:verify --trust-key ${fingerprint}`);
    await refuses(scene.verify("--trust-key", testKey("other").fingerprint), "v4: It hands over to the key");
    await passes(scene.verify("--trust-key", `${publicKey} ned@laptop`), `from v4 on by ${fingerprint}`);
    await passes(scene.verify(), "done, 5 releases");
    const keys = await scene.git(scene.clone, "config", "--get-all", "remote.production.ledgerkey");
    assert.equal(keys.split("\n"), [testKey("other").fingerprint, publicKey]);
  });

  test("a remote that was removed on purpose is forgotten", async (t) => {
    const scene = await makeScene(t);
    await passes(scene.verify(), "done");
    await scene.git(scene.clone, "remote", "remove", "production");
    await scene.publish(makeLedger("config"));
    await scene.git(scene.clone, "remote", "add", "production", scene.repo);
    await passes(scene.verify("--fetch"), "done, 3 releases");
  });
});

describe("releases:verify under attack", (test) => {
  test("refs/replace: another commit in a release's place", async (t) => {
    const scene = await makeScene(t);
    const forged = makeLedger("config");
    forged.release("config", [edit("subject", "v4: Nothing to see here")]);
    await forged.objects.writeTo(join(scene.clone, ".git"), {});
    await scene.git(scene.clone, "replace", scene.ledger.head, forged.head);
    assert.match(await scene.git(scene.clone, "log", "-1", "--format=%s", "production/releases"), "Nothing to see");
    await passes(scene.verify(), "done, 4 releases");
    // The other way round: a true commit shown in a forged one's place.
    const bad = makeLedger("config");
    bad.release("config", [edit("sign", "other")]);
    await bad.objects.writeTo(join(scene.clone, ".git"), {});
    await scene.git(scene.clone, "update-ref", "refs/remotes/production/releases", bad.head);
    await scene.git(scene.clone, "replace", bad.head, scene.ledger.head);
    await refuses(scene.verify(), "(signature-key)");
  });

  test("grafts: a chain that leaves out a release", async (t) => {
    const scene = await makeScene(t);
    const [first, , , fourth] = scene.ledger.releases;
    await mkdir(join(scene.clone, ".git", "info"), { recursive: true });
    await writeFile(join(scene.clone, ".git", "info", "grafts"), `${fourth?.oid ?? ""} ${first?.oid ?? ""}\n`);
    await passes(scene.verify(), "done, 4 releases");
  });

  test("objects that were changed on the disk", async (t) => {
    const scene = await makeScene(t);
    const loose = (oid = ""): string => join(scene.clone, ".git", "objects", oid.slice(0, 2), oid.slice(2));
    const [, , third, fourth] = scene.ledger.releases;
    const config = third?.entries.get("config.env")?.oid;
    const good = await readFile(loose(config));
    // Another file, whole and readable, under the name of this one: git itself does not look.
    await change(loose(config), await readFile(loose(fourth?.entries.get("config.env")?.oid)));
    assert.match(await scene.git(scene.clone, "cat-file", "blob", config ?? ""), "V000004");
    await refuses(scene.verify(), /v3: Its object [0-9a-f]{12} is damaged\. \(object-damaged\)\n$/);
    // No object at all: for git it is missing.
    await change(loose(config), Buffer.from("garbage"));
    await refuses(scene.verify(), /v3: Its object [0-9a-f]{12} is not here\. \(object-missing\)\n$/);
    // Half of one: git dies of it, and the others are read all the same.
    await change(loose(config), good.subarray(0, good.length - 20));
    await refuses(scene.verify(), /v3: Its object [0-9a-f]{12} cannot be read\. \(object-damaged\)\n$/);
    await change(loose(config), good);
    await passes(scene.verify(), "done, 4 releases");
    await change(loose(third?.oid), await readFile(loose(fourth?.oid)));
    await refuses(scene.verify(), /\(chain-cut\)[^]*\(object-damaged\)/);
  });

  test("a branch of the server that a mirror fetches over what it has seen, and a prune", async (t) => {
    const scene = await makeScene(t);
    const mirror = join(scene.clone, "..", "mirror.git");
    await scene.git(scene.clone, "clone", "-q", "--mirror", scene.repo, mirror);
    await passes(scene.verifyIn(mirror), "done, 4 releases");
    const evil = makeLedger("addon", "config");
    await scene.publish(evil);
    await scene.git(scene.repo, "update-ref", "refs/heroku/seen/origin/releases", evil.head);
    await scene.git(mirror, "fetch", "-q", "--prune");
    assert.is(await scene.git(mirror, "rev-parse", "refs/heroku/seen/origin/releases"), scene.ledger.head);
    await refuses(scene.verifyIn(mirror), "The ledger of foobaz was rewritten");
    await scene.git(mirror, "fetch", "-q", "--prune");
    const kept = await scene.git(mirror, "for-each-ref", "--format=%(objectname)", "refs/heroku/evidence");
    assert.equal(kept.split("\n").sort(), [evil.head, scene.ledger.head].sort());
  });

  test("a ref of the server that looks like what a clone has fetched", async (t) => {
    const scene = await makeScene(t);
    const evil = makeLedger("config", "config", "config");
    await evil.objects.writeTo(scene.repo, { "refs/remotes/production/releases": evil.head });
    await scene.git(scene.clone, "fetch", "-q", "production");
    await passes(scene.verify(), "done, 4 releases");
  });

  test("a file of 40 MB is passed over without being held", async (t) => {
    const ledger = makeLedger();
    ledger.release("config", [edit("large", "config.env 40000000")]);
    const scene = await makeScene(t, ledger);
    const { stderr, peakMb } = runWithPeak(scene, "releases:verify");
    assert.match(stderr, "has 40000000 bytes. (object-large)");
    assert.ok(peakMb < 100, String(peakMb));
  });
});
