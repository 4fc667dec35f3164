/** Upkeep: nobody notices it, whenever it ends. */
import { spawn } from "node:child_process";
import { watch } from "node:fs";
import { mkdir, readdir, rename, utimes, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { openRepository } from "../../src/ledger/git-process.ts";
import { LARGE_PACK_BYTES } from "../../src/ledger/upkeep.ts";
import { rejects } from "../support/assert.ts";
import { untilSame } from "../support/converged.ts";
import { addLargeCode, addLooseNoise, growLedger } from "../support/long-ledger.ts";
import { processesOf } from "../support/platform.ts";
import { describe } from "../support/suite.ts";
import { deploy, makeCode, makeFixture, NED, setConfig, type Fixture } from "./fixture.ts";

const PROGRAM = fileURLToPath(new URL("upkeep-program.js", import.meta.url));
const NEVER = new AbortController().signal;

async function counts(fixture: Fixture): Promise<{ loose: number; packs: number }> {
  const text = await fixture.git("count-objects", "-v");
  const number = (name: string): number => Number(new RegExp(`^${name}: (\\d+)$`, "m").exec(text)?.[1]);
  return { loose: number("count"), packs: number("packs") };
}

async function leftovers(fixture: Fixture): Promise<string[]> {
  const files = await readdir(fixture.repo, { recursive: true });
  return files.filter((path) => /(\.lock|packed-refs\.new|\/(tmp_|\.tmp-)[^/]*)$/.test(path)).sort();
}

/** But for packs and graphs that git had not finished, and never clears itself: the next upkeep does, an hour later. */
async function leftoversOfKilled(fixture: Fixture): Promise<string[]> {
  return (await leftovers(fixture)).filter((path) => !/^objects\/(pack|info\/commit-graphs)\/(tmp_|\.tmp-)/.test(path));
}

/** Kills the packing at the first file of its own in the repository. */
async function whenPackingBegins(fixture: Fixture, act: () => void): Promise<void> {
  const watcher = watch(join(fixture.repo, "objects/pack"));
  await once(watcher, "change");
  act();
  watcher.close();
}

describe("upkeep", (test) => {
  test("is due after some hundred releases, and for a repository without a commit-graph", async (t) => {
    const fixture = await makeFixture(t);
    assert.is(await fixture.ledger.isUpkeepDue(), false);
    addLooseNoise(fixture.repo, 12);
    assert.is(await fixture.ledger.isUpkeepDue(), true);
    await fixture.ledger.keepUp(NEVER);
    assert.is(await fixture.ledger.isUpkeepDue(), false);
    await growLedger({ repoPath: fixture.repo, signingKey: fixture.key, appKeys: fixture.appKeys }, 10);
    await fixture.git("repack", "-adq");
    assert.is(await fixture.ledger.isUpkeepDue(), false);
    await mkdir(join(fixture.home, "old"));
    await rename(join(fixture.repo, "objects/info/commit-graphs"), join(fixture.home, "old/commit-graphs"));
    assert.is(await fixture.ledger.isUpkeepDue(), true);
  });

  test("makes one pack and a commit-graph, and drops nothing", async (t) => {
    const fixture = await makeFixture(t);
    await deploy(fixture, await makeCode(fixture, { "index.js": "1" }));
    for (let n = 0; n < 10; n += 1) await setConfig(fixture.ledger, String(n));
    const unreferenced = (await fixture.git("hash-object", "-w", "config")).trim();
    const all = (await fixture.git("cat-file", "--batch-check", "--batch-all-objects")).split("\n").sort();
    await fixture.ledger.keepUp(NEVER);
    assert.equal(await counts(fixture), { loose: 0, packs: 1 });
    assert.equal((await fixture.git("cat-file", "--batch-check", "--batch-all-objects")).split("\n").sort(), all);
    assert.is((await fixture.git("cat-file", "-t", unreferenced)).trim(), "blob");
    assert.is(await fixture.git("commit-graph", "verify"), "");
    assert.is((await fixture.git("rev-list", "--count", "releases", "--", "config.env")).trim(), "11");
    assert.is(await setConfig(fixture.ledger, "x"), 13);
    assert.is(await fixture.git("fsck", "--strict", "--no-dangling"), "");
  });

  test("refs are packed when there are many, and move on from there", async (t) => {
    const fixture = await makeFixture(t);
    const { ledger } = fixture;
    const first = await makeCode(fixture, { "index.js": "1" });
    await deploy(fixture, first);
    const oid = (await fixture.git("rev-parse", "main")).trim();
    await mkdir(join(fixture.repo, "refs/tags/many"));
    for (let n = 0; n < 120; n += 1) await writeFile(join(fixture.repo, "refs/tags/many", String(n)), `${oid}\n`);
    await ledger.keepUp(NEVER);
    assert.equal(await readdir(join(fixture.repo, "refs/heads")), []);
    assert.is(await setConfig(ledger, "x"), 3);
    await deploy(fixture, await makeCode(fixture, { "index.js": "2" }));
    await ledger.changeState({ by: NED, via: "local", message: "Scale" }, () => ({ formation: { web: 2 } }));
    const cold = await fixture.reopen();
    assert.is((await cold.head())?.version, 4);
    assert.equal(await cold.readState(), { formation: { web: 2 } });
    assert.is((await fixture.git("tag")).trim().split("\n").length, 120);
  });

  test("appends, reads and state changes go on while it works again and again", async (t) => {
    const fixture = await makeFixture(t);
    const code = await makeCode(fixture, { "index.js": "1" });
    const other = await fixture.reopen();
    const ended = new AbortController();
    const rounds = { done: 0 };
    const upkeep = (async () => {
      for (; !ended.signal.aborted; rounds.done += 1) await fixture.ledger.keepUp(ended.signal);
    })();
    t.after(async () => {
      ended.abort();
      await upkeep;
    });
    const versions: number[] = [];
    for (let n = 0; versions.length < 20 || rounds.done < 3; n += 1) {
      const ledger = n % 2 === 0 ? fixture.ledger : other;
      if (n % 5 === 0) await deploy(fixture, code, {}, ledger);
      else versions.push(await setConfig(ledger, String(n % 7)));
      await ledger.changeState({ by: NED, via: "local", message: "Scale" }, () => ({ formation: { web: n } }));
      assert.equal(await other.readState(), { formation: { web: n } });
      const head = await other.head();
      assert.is((await other.get(Math.ceil((head?.version ?? 0) / 2))).version, Math.ceil((head?.version ?? 0) / 2));
      assert.ok((await fixture.ledger.snapshot(await fixture.ledger.get(1))).configEnv.includes("DOTENV_PUBLIC_KEY"));
    }
    ended.abort();
    await upkeep;
    const subjects = (await fixture.git("log", "--first-parent", "--format=%s", "releases")).trimEnd().split("\n");
    assert.equal(
      subjects.map((subject) => subject.split(":")[0]),
      subjects.map((_, n) => `v${String(subjects.length - n)}`),
    );
    assert.is(await fixture.git("fsck", "--strict", "--no-dangling"), "");
    assert.equal(await leftoversOfKilled(fixture), []);
  });

  test("ends at once when it is told to, and leaves nothing", async (t) => {
    let wasInTime = false;
    // On a busy machine the packing may be over before anybody sees it begin.
    for (let attempt = 1; attempt <= 5 && !wasInTime; attempt += 1) {
      const fixture = await makeFixture(t);
      await addLargeCode(fixture.repo, 40);
      addLooseNoise(fixture.repo, 12);
      const ending = new AbortController();
      const upkeep = fixture.ledger.keepUp(ending.signal);
      await whenPackingBegins(fixture, () => ending.abort());
      await upkeep;
      assert.equal(await leftoversOfKilled(fixture), []);
      wasInTime = (await counts(fixture)).loose > 12;
      assert.is(await setConfig(fixture.ledger, "x"), 2);
      await fixture.ledger.close();
      assert.equal(await processesOf(fixture.repo), []);
    }
    assert.ok(wasInTime);
  });

  test("ends with a daemon that is killed, and does not outlive it", async (t) => {
    const fixture = await makeFixture(t);
    await fixture.ledger.close();
    await addLargeCode(fixture.repo, 20);
    addLooseNoise(fixture.repo, 12);
    const daemon = spawn(process.execPath, [PROGRAM, fixture.repo], { stdio: "inherit" });
    const closed = once(daemon, "close");
    await whenPackingBegins(fixture, () => daemon.kill("SIGKILL"));
    await closed;
    await untilSame([], () => processesOf(fixture.repo));
    assert.equal(await leftoversOfKilled(fixture), []);
    const ledger = await fixture.reopen();
    fixture.clock.ms = Date.now() + 2 * 3_600_000;
    await ledger.keepUp(NEVER);
    assert.is((await counts(fixture)).loose, 0);
    assert.equal(await leftovers(fixture), []);
    assert.is(await fixture.git("fsck", "--strict", "--no-dangling"), "");
  });

  test("removes what killed processes left long ago, and nothing younger", async (t) => {
    const fixture = await makeFixture(t);
    const old = ["objects/pack/tmp_pack_a", "objects/pack/.tmp-12-pack-b.pack", "objects/17/tmp_obj_c"];
    old.push("objects/info/commit-graphs/commit-graph-chain.lock", "packed-refs.new", "packed-refs.lock");
    const young = ["objects/pack/tmp_pack_d", "objects/17/tmp_obj_e"];
    const incoming = "objects/tmp_objdir-incoming-f";
    for (const directory of ["objects/17", "objects/info/commit-graphs", incoming]) {
      await mkdir(join(fixture.repo, directory), { recursive: true });
    }
    const twoDaysAgo = fixture.clock.ms / 1000 - 2 * 86_400;
    for (const path of [...old, ...young]) await writeFile(join(fixture.repo, path), "");
    for (const path of [...old, incoming]) await utimes(join(fixture.repo, path), twoDaysAgo, twoDaysAgo);
    for (const path of young) await utimes(join(fixture.repo, path), twoDaysAgo, fixture.clock.ms / 1000 - 60);
    await fixture.ledger.keepUp(NEVER);
    assert.equal(await leftovers(fixture), [...young].sort());
    assert.is((await readdir(join(fixture.repo, "objects"))).includes("tmp_objdir-incoming-f"), false);
  });

  test("opening clears the locks of an upkeep that was killed", async (t) => {
    const fixture = await makeFixture(t);
    await fixture.ledger.close();
    const locks = ["objects/info/commit-graphs/commit-graph-chain.lock", "packed-refs.lock", "packed-refs.new"];
    await mkdir(join(fixture.repo, "objects/info/commit-graphs"));
    for (const lock of locks) await writeFile(join(fixture.repo, lock), "");
    const ledger = await fixture.reopen();
    assert.equal(await leftovers(fixture), []);
    await ledger.keepUp(NEVER);
    await fixture.git("pack-refs", "--all");
  });

  test("a large pack is left as it is", async (t) => {
    const fixture = await makeFixture(t);
    await addLargeCode(fixture.repo, LARGE_PACK_BYTES / 1024 / 1024 + 1);
    const before = await readdir(join(fixture.repo, "objects/pack"));
    for (let n = 0; n < 5; n += 1) await setConfig(fixture.ledger, String(n));
    await growLedger({ repoPath: fixture.repo, signingKey: fixture.key, appKeys: fixture.appKeys }, 300);
    await fixture.ledger.keepUp(NEVER);
    const after = await readdir(join(fixture.repo, "objects/pack"));
    assert.ok(before.every((name) => after.includes(name)));
    assert.is((await counts(fixture)).loose, 0);
  });

  test("a failure is told with what git said", async (t) => {
    const fixture = await makeFixture(t);
    await fixture.ledger.keepUp(NEVER);
    const { keepUp } = await import("../../src/ledger/upkeep.ts");
    const repository = openRepository(join(fixture.home, "apps"), NED);
    await mkdir(join(repository.path, "refs"), { recursive: true });
    assert.match(String(await rejects(keepUp(repository, 0, NEVER))), /git .*repack.* failed: fatal: not a git repo/);
  });
});
