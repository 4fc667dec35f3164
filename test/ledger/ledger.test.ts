/** The ledger as git sees it, and as its own reader does. */
import { access, chmod, mkdir, readFile, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { allowedSignersLine } from "../../src/ledger/ledger-key.ts";
import { refuses, rejects } from "../support/assert.ts";
import { describe } from "../support/suite.ts";
import { deploy, makeCode, makeFixture, NED, rollBack, setConfig, type Fixture } from "./fixture.ts";

async function subjects(fixture: Fixture): Promise<string[]> {
  return (await fixture.git("log", "--first-parent", "--format=%s", "releases")).trimEnd().split("\n");
}

const sshKeygen = spawnSync("ssh-keygen", ["-?"]).error === undefined ? undefined : "ssh-keygen";
const proc = process.platform === "linux" ? undefined : "/proc";

describe("ledger", (test) => {
  test("starts with v1, parentless and without code", async (t) => {
    const fixture = await makeFixture(t);
    const text = await fixture.git("cat-file", "-p", "refs/heads/releases");
    assert.match(text, /^tree [0-9a-f]{40}\nauthor Ned <ned@foobazco.com> 1795419055 \+0000\ncommitter git-heroku </);
    const message = text.slice(text.indexOf("\n\n") + 2);
    const ledgerKey = `Ledger-Key: ${fixture.key.publicKey}\n`;
    const trailers = `Release: v1\nChange: initial\nStatus: succeeded\nVia: local\n${ledgerKey}`;
    assert.is(message, `v1: Initial release\n\n${trailers}`);
    assert.is(await fixture.git("ls-tree", "--name-only", "releases"), "addons.json\nconfig.env\n");
    assert.is(await fixture.git("show", "releases:config.env"), `DOTENV_PUBLIC_KEY="${fixture.appKeys.publicKey}"\n`);
    assert.is(await fixture.ledger.deployBranch(), undefined);
  });

  test("a long mixed history reads as the release table, and git finds no fault in it", async (t) => {
    const fixture = await makeFixture(t);
    const { ledger } = fixture;
    const first = await makeCode(fixture, { "index.js": "1" });
    await deploy(fixture, first);
    await setConfig(ledger, "one");
    const second = await makeCode(fixture, { "index.js": "2" });
    await deploy(fixture, second);
    await deploy(fixture, await makeCode(fixture, { "index.js": "3" }), { status: "failed", deployRef: undefined });
    await rollBack(ledger, 2);
    await ledger.changeState({ by: NED, via: "local", message: "Scale to web=2" }, () => ({ formation: { web: 2 } }));
    await setConfig(ledger, "two");
    assert.equal(
      (await subjects(fixture)).map((subject) => subject.replace(/[0-9a-f]{7}$/, "…")),
      [
        "v7: Config add FOO",
        "v6: Rollback to v2",
        "v5: Deploy …",
        "v4: Deploy …",
        "v3: Config add FOO",
        "v2: Deploy …",
        "v1: Initial release",
      ],
    );
    assert.is(await fixture.git("fsck", "--strict", "--no-dangling"), "");
    assert.is((await fixture.git("rev-parse", "main")).trim(), second.oid);
    assert.is((await fixture.git("rev-parse", "releases^2")).trim(), first.oid);
    assert.is((await fixture.git("rev-parse", "releases:code")).trim(), first.tree);
    assert.is((await fixture.git("show", "releases:Procfile")).trim(), "web: node index.js");
  });

  test("a rollback has the tree of its target, and says which", async (t) => {
    const fixture = await makeFixture(t);
    const { ledger } = fixture;
    await deploy(fixture, await makeCode(fixture, { "index.js": "1" }));
    await setConfig(ledger, "one");
    await rollBack(ledger, 2);
    const [target, head] = [await ledger.get(2), await ledger.head()];
    assert.is(head?.tree, target.tree);
    assert.is(head?.code, target.code);
    assert.equal(head?.rollbackTo, { version: 2, oid: target.oid });
  });

  test("a failed release is the head but not the current one", async (t) => {
    const fixture = await makeFixture(t);
    const code = await makeCode(fixture, { "index.js": "1" });
    await deploy(fixture, code, { status: "failed", deployRef: undefined });
    assert.is((await fixture.ledger.head())?.version, 2);
    assert.is((await fixture.ledger.current())?.version, 1);
  });

  test("lists newest first, in pages, and finds any version", async (t) => {
    const fixture = await makeFixture(t);
    const { ledger } = fixture;
    for (let n = 2; n <= 20; n += 1) await setConfig(ledger, String(n));
    const versions = async (max: number, before?: number): Promise<number[]> =>
      (await ledger.list({ max, before })).map((release) => release.version);
    assert.equal(await versions(3), [20, 19, 18]);
    assert.equal(await versions(3, 18), [17, 16, 15]);
    assert.equal(await versions(5, 3), [2, 1]);
    assert.equal(await versions(5, 1), []);
    const cold = await fixture.reopen();
    assert.is((await cold.get(7)).description, "Config add FOO");
    assert.equal(await cold.get(7), await ledger.get(7));
    const error = await refuses("not_found", () => ledger.get(21));
    assert.is(error.message, "There is no release v21.");
  });

  test("a plan that wants nothing makes no release, and one that fails holds nobody up", async (t) => {
    const { ledger } = await makeFixture(t);
    assert.is(await ledger.append(async () => undefined), undefined);
    const error = await rejects(ledger.append(async () => Promise.reject(new Error("no build"))));
    assert.match(String(error), /no build/);
    assert.is(await setConfig(ledger, "x"), 2);
  });

  test("concurrent changes, also of a second process, leave no gap and lose nothing", async (t) => {
    const fixture = await makeFixture(t);
    const other = await fixture.reopen();
    const asked = Array.from({ length: 30 }, (_, n) => setConfig(n % 2 === 0 ? fixture.ledger : other, String(n)));
    const versions = (await Promise.all(asked)).sort((a, b) => a - b);
    assert.equal(
      versions,
      Array.from({ length: 30 }, (_, n) => n + 2),
    );
    assert.is((await subjects(fixture)).length, 31);
    assert.is((await fixture.ledger.head())?.version, 31);
  });

  test("committer dates never go backwards, whatever the clock does", async (t) => {
    const fixture = await makeFixture(t);
    fixture.clock.ms -= 3_600_000;
    await setConfig(fixture.ledger, "x");
    const dates = await fixture.git("log", "--first-parent", "--format=%ct %at", "releases");
    assert.is(dates, "1795419055 1795415455\n1795419055 1795419055\n");
  });

  test("a deploy is refused when its branch has moved", async (t) => {
    const fixture = await makeFixture(t);
    const first = await makeCode(fixture, { "index.js": "1" });
    await deploy(fixture, first);
    const second = await makeCode(fixture, { "index.js": "2" });
    const stale = { ref: "refs/heads/main", old: undefined, new: second.oid };
    await refuses("conflict", () => deploy(fixture, second, { deployRef: stale }));
    assert.is((await fixture.ledger.head())?.version, 2);
  });

  test("the first deploy fixes the deploy branch", async (t) => {
    const fixture = await makeFixture(t);
    const first = await makeCode(fixture, { "index.js": "1" });
    await deploy(fixture, first, { deployRef: { ref: "refs/heads/master", old: undefined, new: first.oid } });
    assert.is(await fixture.ledger.deployBranch(), "refs/heads/master");
    assert.is((await fixture.git("symbolic-ref", "HEAD")).trim(), "refs/heads/master");
    const error = await refuses("conflict", () =>
      deploy(fixture, first, { deployRef: { ref: "refs/heads/main", old: undefined, new: first.oid } }),
    );
    assert.is(error.hint, "Use `git push <remote> main:master`.");
  });

  test("a release cannot name one commit and hold the tree of another", async (t) => {
    const fixture = await makeFixture(t);
    const code = await makeCode(fixture, { "index.js": "1" });
    const error = await rejects(deploy(fixture, { oid: code.oid, tree: "4b825dc642cb6eb9a060e54bf8d69288fbee4904" }));
    assert.match(String(error), /is not the tree of commit/);
  });

  test("names, addresses and descriptions cannot forge a header or a trailer", async (t) => {
    const fixture = await makeFixture(t);
    await fixture.ledger.append(async ({ head, current }) => ({
      change: "config",
      description: "Config add A\n\nRelease: v9\nStatus: failed\u2028\u0000",
      by: { name: `Eve <eve@x>\nparent ${head?.oid ?? ""}`, email: "a@b>\ngpgsig x\n\nv9: Forged" },
      via: "ssh x\nLedger-Key: ssh-ed25519 AAAA",
      status: "succeeded",
      code: undefined,
      snapshot: await fixture.ledger.snapshot(current ?? (await fixture.ledger.get(1))),
    }));
    const head = await (await fixture.reopen()).head();
    assert.is(head?.version, 2);
    assert.is(head?.status, "succeeded");
    assert.is(head?.description, "Config add A Release: v9 Status: failed");
    assert.is((await fixture.git("rev-list", "--parents", "-1", "releases")).trim().split(" ").length, 2);
    const trailers = await fixture.git("log", "-1", "--format=%(trailers:only)", "releases");
    const via = "Via: ssh x Ledger-Key: ssh-ed25519 AAAA";
    assert.is(trailers.trim(), `Release: v2\nChange: config\nStatus: succeeded\n${via}`);
    assert.is(await fixture.git("fsck", "--strict", "--no-dangling"), "");
  });

  test("reads files of a code commit", async (t) => {
    const fixture = await makeFixture(t);
    const { ledger } = fixture;
    const code = await makeCode(fixture, { Procfile: "web: x\n", "a/b": "deep", big: "x".repeat(1024 * 1024 + 1) });
    assert.is(await ledger.readFile(code.oid, "Procfile"), "web: x\n");
    assert.is(await ledger.readFile(code.oid, "a/b"), "deep");
    assert.is(await ledger.readFile(code.oid, "a"), undefined);
    assert.is(await ledger.readFile(code.oid, "none/b"), undefined);
    await refuses("invalid_params", () => ledger.readFile(code.oid, "big"));
    assert.equal(await ledger.resolveCommit(code.oid), code);
    assert.is(await ledger.resolveCommit(code.tree), undefined);
    assert.is(await ledger.isShallow(), false);
  });

  test("state changes are commits; one that changes nothing is none", async (t) => {
    const fixture = await makeFixture(t);
    const { ledger } = fixture;
    const by = { by: NED, via: "local" };
    assert.equal(await ledger.readState(), {});
    assert.is(await ledger.changeState({ ...by, message: "Scale to web=4" }, () => ({ formation: { web: 4 } })), true);
    assert.is(await ledger.changeState({ ...by, message: "Again" }, () => ({ formation: { web: 4 } })), false);
    assert.is(await ledger.changeState({ ...by, message: "Nothing" }, () => undefined), false);
    const add = { ...by, message: "Set maintenance\n\nChange: deploy" };
    assert.is(await ledger.changeState(add, (state) => ({ ...state, settings: { maintenance: true } })), true);
    const expected = { formation: { web: 4 }, settings: { maintenance: true } };
    assert.equal(await (await fixture.reopen()).readState(), expected);
    assert.is(
      await fixture.git("log", "--format=%s", "refs/heroku/state"),
      "Set maintenance Change: deploy\nScale to web=4\n",
    );
    assert.is(await fixture.git("show", "refs/heroku/state:formation.json"), '{\n  "web": 4\n}\n');
    assert.is((await ledger.head())?.version, 1);
  });

  test("state does not wait for a release that takes its time", async (t) => {
    const { ledger } = await makeFixture(t);
    const finish = new AbortController();
    const slow = ledger.append(async () => {
      await once(finish.signal, "abort");
      return undefined;
    });
    await ledger.changeState({ by: NED, via: "local", message: "Scale" }, () => ({ formation: { web: 1 } }));
    finish.abort();
    await slow;
  });

  test.needing(proc, "a git process that is killed is replaced", async (t) => {
    const fixture = await makeFixture(t);
    await setConfig(fixture.ledger, "one");
    const children = (await readFile(`/proc/self/task/${String(process.pid)}/children`, "utf8")).trim().split(" ");
    for (const child of children) process.kill(Number(child), "SIGKILL");
    assert.is(await setConfig(fixture.ledger, "two"), 3);
  });

  test("a loose object that was cut short is written again, not trusted", async (t) => {
    const fixture = await makeFixture(t);
    await setConfig(fixture.ledger, "one");
    const oid = (await fixture.git("rev-parse", "releases:config.env")).trim();
    await setConfig(fixture.ledger, "two");
    await fixture.ledger.close();
    const path = join(fixture.repo, "objects", oid.slice(0, 2), oid.slice(2));
    await chmod(path, 0o600);
    await truncate(path, 10);
    await setConfig(await fixture.reopen(), "one");
    assert.is(await fixture.git("show", "releases:config.env"), "FOO='one'\n");
    assert.is(await fixture.git("fsck", "--strict", "--no-dangling"), "");
  });

  test("a damaged object is an error for who asks for it and for nobody else", async (t) => {
    const fixture = await makeFixture(t);
    await setConfig(fixture.ledger, "one");
    const [one, oid] = [await fixture.ledger.get(2), (await fixture.git("rev-parse", "releases:config.env")).trim()];
    const path = join(fixture.repo, "objects", oid.slice(0, 2), oid.slice(2));
    await chmod(path, 0o600);
    await truncate(path, 10);
    const fresh = await fixture.reopen();
    const [broken, version] = await Promise.all([rejects(fresh.snapshot(one)), fresh.get(1)]);
    assert.match(String(broken), /Could not read|damaged|missing/);
    assert.is(version.version, 1);
  });

  test("opening clears stale locks, puts the deploy branch back and makes the index anew", async (t) => {
    const fixture = await makeFixture(t);
    const code = await makeCode(fixture, { "index.js": "1" });
    await deploy(fixture, code);
    await setConfig(fixture.ledger, "one");
    await fixture.ledger.close();
    await fixture.git("update-ref", "-d", "refs/heads/main");
    await mkdir(join(fixture.repo, "refs/heroku"), { recursive: true });
    for (const ref of ["HEAD", "packed-refs", "refs/heads/main", "refs/heads/releases", "refs/heroku/state"]) {
      await writeFile(join(fixture.repo, `${ref}.lock`), "");
    }
    await writeFile(fixture.options.indexPath, "torn");
    const ledger = await fixture.reopen();
    assert.is((await fixture.git("rev-parse", "main")).trim(), code.oid);
    assert.is(await setConfig(ledger, "two"), 4);
    await ledger.changeState({ by: NED, via: "local", message: "Scale" }, () => ({ formation: { web: 1 } }));
    await fixture.git("pack-refs", "--all");
    assert.is((await readFile(fixture.options.indexPath)).length, 80);
    assert.is((await ledger.get(2)).change, "deploy");
  });

  test("opening leaves the lock of a push to another branch, unless it is old", async (t) => {
    const fixture = await makeFixture(t);
    const [old, fresh] = ["old", "fresh"].map((name) => join(fixture.repo, `refs/heads/${name}.lock`)) as [
      string,
      string,
    ];
    const nowSeconds = fixture.clock.ms / 1000;
    for (const [path, ageSeconds] of [
      [old, 120],
      [fresh, 1],
    ] as const) {
      await writeFile(path, "");
      await utimes(path, nowSeconds - ageSeconds, nowSeconds - ageSeconds);
    }
    await fixture.reopen();
    await access(fresh);
    await rejects(access(old));
  });

  test("a ledger whose head is lost is not taken for a new one", async (t) => {
    const fixture = await makeFixture(t);
    const { oid = "" } = (await fixture.ledger.head()) ?? {};
    await rm(join(fixture.repo, "objects", oid.slice(0, 2), oid.slice(2)));
    assert.match(String(await rejects(fixture.reopen())), /head of the ledger cannot be read/);
    await writeFile(join(fixture.repo, "packed-refs"), `${oid} refs/heads/releases\n`);
    await rm(join(fixture.repo, "refs/heads/releases"));
    assert.match(String(await rejects(fixture.reopen())), /head of the ledger cannot be read/);
  });

  test("works on, after git repacked everything", async (t) => {
    const fixture = await makeFixture(t);
    await deploy(fixture, await makeCode(fixture, { "index.js": "1" }));
    await setConfig(fixture.ledger, "one");
    await fixture.git("gc", "-q", "--prune=now");
    assert.is(await setConfig(fixture.ledger, "two"), 4);
    await rollBack(fixture.ledger, 3);
    const cold = await fixture.reopen();
    assert.is((await cold.head())?.tree, (await cold.get(3)).tree);
  });

  test.needing(sshKeygen, "git verifies the signature of every commit", async (t) => {
    const fixture = await makeFixture(t);
    await setConfig(fixture.ledger, "one");
    await fixture.ledger.changeState({ by: NED, via: "local", message: "Scale" }, () => ({ formation: { web: 1 } }));
    const signers = join(fixture.home, "signers");
    await writeFile(signers, allowedSignersLine("platform@git-heroku", fixture.key.publicKey));
    for (const commit of ["releases", "releases~1", "refs/heroku/state"]) {
      await fixture.git("-c", `gpg.ssh.allowedSignersFile=${signers}`, "verify-commit", commit);
    }
    const other = (await makeFixture(t)).key.publicKey;
    await writeFile(signers, allowedSignersLine("platform@git-heroku", other));
    await rejects(fixture.git("-c", `gpg.ssh.allowedSignersFile=${signers}`, "verify-commit", "releases"));
  });
});
