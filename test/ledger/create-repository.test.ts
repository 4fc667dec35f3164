/** A new repository: whole or absent, and closed to pushes where only the platform writes. */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { createRepository, removeUnfinishedRepositories } from "../../src/ledger/create-repository.ts";
import { refuses, rejects } from "../support/assert.ts";
import { describe } from "../support/suite.ts";
import { makeCode, makeFixture, setConfig } from "./fixture.ts";

async function failing(): Promise<never> {
  throw new Error("disk full");
}

describe("create repository", (test) => {
  test("git reads its settings, the caller's among them", async (t) => {
    const fixture = await makeFixture(t);
    const setting = async (name: string): Promise<string> => fixture.git("config", "--get-all", name);
    assert.is(await setting("githeroku.node"), '/opt/a "b" \\c\n;#\n');
    assert.is(await setting("core.hooksPath"), `${join(fixture.home, "hooks")}\n`);
    assert.is(await setting("receive.procReceiveRefs"), "refs/heads/main\nrefs/heads/master\n");
    assert.is(await setting("core.fsync"), "committed\n");
    assert.is(await fixture.git("rev-parse", "--is-bare-repository"), "true\n");
    assert.is(await fixture.git("reflog", "--format=%gD", "refs/heads/releases"), "refs/heads/releases@{0}\n");
  });

  test("a clone can fetch the releases but not push to them, not even with --force", async (t) => {
    const fixture = await makeFixture(t);
    await setConfig(fixture.ledger, "one");
    const clone = join(fixture.home, "clone");
    await fixture.gitIn(fixture.home, "init", "-q", clone);
    await fixture.gitIn(clone, "fetch", "-q", fixture.repo, "releases:refs/remotes/production/releases");
    const log = await fixture.gitIn(clone, "log", "--format=%s", "production/releases");
    assert.is(log, "v2: Config add FOO\nv1: Initial release\n");
    await fixture.gitIn(clone, "commit", "-q", "--allow-empty", "-m", "mine");
    const refs = ["refs/heads/releases", "refs/notes/releases", "refs/heroku/state", "refs/replace/" + "a".repeat(40)];
    for (const ref of refs) {
      const error = await rejects(fixture.gitIn(clone, "push", "--force", fixture.repo, `HEAD:${ref}`));
      assert.match(String(error), /deny updating a hidden ref/);
    }
    await rejects(fixture.gitIn(clone, "push", "--force", fixture.repo, "HEAD:refs/heads/main"));
    await fixture.gitIn(clone, "push", "-q", fixture.repo, "HEAD:refs/heads/topic");
    await rejects(fixture.gitIn(clone, "push", fixture.repo, ":refs/heads/topic"));
    assert.is((await fixture.ledger.head())?.version, 2);
  });

  test("an object put in place of a release fools nobody here", async (t) => {
    const fixture = await makeFixture(t);
    const head = await fixture.ledger.head();
    const { oid } = await makeCode(fixture, { "index.js": "1" });
    await fixture.git("update-ref", `refs/replace/${head?.oid ?? ""}`, oid);
    assert.equal(await (await fixture.reopen()).head(), head);
    assert.match(await fixture.git("log", "-1", "--format=%s", "releases"), /v1: Initial release/);
  });

  test("never takes the place of another repository", async (t) => {
    const fixture = await makeFixture(t);
    const error = await refuses("conflict", () => createRepository(fixture.repo, { hooksPath: "/hooks" }));
    assert.is(error.message, "There is a repository foobaz.git already.");
    assert.is((await fixture.ledger.head())?.version, 1);
    assert.equal(
      (await readdir(fixture.home)).filter((name) => name.startsWith(".")),
      [],
    );
  });

  test("a failure on the way leaves nothing, and a crash leaves what the next start removes", async (t) => {
    const home = await t.tempDir();
    await rejects(createRepository(join(home, "a.git"), { hooksPath: "/hooks", prepare: failing }));
    assert.equal(await readdir(home), []);
    await mkdir(join(home, ".creating-a.git-123456/objects"), { recursive: true });
    await createRepository(join(home, "a.git"), { hooksPath: "/hooks" });
    await removeUnfinishedRepositories(home);
    assert.equal(await readdir(home), ["a.git"]);
  });

  test("refuses a setting that would break git's configuration", async (t) => {
    const home = await t.tempDir();
    for (const name of ["nosection", "a.b\n[core]", ".x", "a.9"]) {
      await rejects(createRepository(join(home, "a.git"), { hooksPath: "/hooks", gitConfig: [[name, "x"]] }));
    }
  });
});
