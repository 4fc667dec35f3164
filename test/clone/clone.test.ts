/** The developer's side of git, against real repositories. */
import { execFileSync } from "node:child_process";
import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import {
  checkRemoteName,
  checkReplaceable,
  connectApp,
  disconnectApp,
  hasReleasesBranch,
} from "../../src/clone/connect-app.ts";
import { findApp } from "../../src/clone/find-app.ts";
import type { Place } from "../../src/clone/git.ts";
import { findIdentity } from "../../src/clone/identity.ts";
import { readRemotes } from "../../src/clone/remotes.ts";
import { refuses } from "../support/assert.ts";
import { describe, type TestContext } from "../support/suite.ts";

interface Clone extends Place {
  home: string;
  git(...args: string[]): string;
}

async function makeClone(t: TestContext, isClone = true): Promise<Clone> {
  const directory = await t.tempDir();
  const [cwd, home] = [join(directory, "work"), join(directory, "home")];
  await mkdir(cwd);
  await mkdir(join(home, "repos"), { recursive: true });
  const env = {
    PATH: process.env["PATH"],
    HOME: directory,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CEILING_DIRECTORIES: directory,
  };
  const git = (...args: string[]): string => execFileSync("git", args, { cwd, env, encoding: "utf8", stdio: "pipe" });
  if (isClone) git("init", "-q", "-b", "main");
  return { cwd, env, home, git };
}

function addRemote(clone: Clone, name: string, app: string, home = clone.home): void {
  clone.git("remote", "add", name, `${home}/repos/${app}.git`);
}

/** What it gives to somebody whom the directory does not let in. */
function asStranger<T>(work: () => T): T {
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    return work();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

describe("find app", (test) => {
  test("--app wins over everything, also outside a clone", async (t) => {
    const clone = await makeClone(t, false);
    assert.is(findApp(clone, clone.home, { app: "foobaz", remote: "x" }), "foobaz");
    await refuses("invalid_params", () => findApp(clone, clone.home, { app: "../x" }));
  });

  test("production comes first, then heroku, then the only one", async (t) => {
    const clone = await makeClone(t);
    clone.git("remote", "add", "origin", "https://github.com/foo/baz.git");
    addRemote(clone, "staging", "foobaz-staging");
    assert.is(findApp(clone, clone.home, {}), "foobaz-staging");
    addRemote(clone, "heroku", "foobaz-h");
    assert.is(findApp(clone, clone.home, {}), "foobaz-h");
    addRemote(clone, "production", "foobaz");
    assert.is(findApp(clone, clone.home, {}), "foobaz");
    assert.is(findApp(clone, clone.home, { remote: "staging" }), "foobaz-staging");
  });

  test("of several others none is guessed", async (t) => {
    const clone = await makeClone(t);
    addRemote(clone, "staging", "foobaz-staging");
    addRemote(clone, "live", "foobaz");
    const error = await refuses("not_found", () => findApp(clone, clone.home, {}));
    assert.is(error.message, "This clone has several apps: staging (foobaz-staging), live (foobaz).");
  });

  test("outside a clone it says so", async (t) => {
    const clone = await makeClone(t, false);
    for (const choice of [{}, { remote: "production" }]) {
      const error = await refuses("not_found", () => findApp(clone, clone.home, choice));
      assert.match(error.message, "not inside a git clone");
    }
  });

  test("a clone without an app, and one without the remote, are told what to type", async (t) => {
    const clone = await makeClone(t);
    assert.match((await refuses("not_found", () => findApp(clone, clone.home, {}))).hint ?? "", "git heroku create");
    clone.git("remote", "add", "origin", "https://github.com/foo/baz.git");
    const error = await refuses("not_found", () => findApp(clone, clone.home, { remote: "live" }));
    assert.is(error.hint, "It has: origin.");
  });

  test("a production remote that is no platform is named, without its password", async (t) => {
    const clone = await makeClone(t);
    clone.git("remote", "add", "production", "https://ned:secret@example.com/foobaz.git");
    const error = await refuses("not_found", () => findApp(clone, clone.home, {}));
    assert.is(
      error.message,
      `The remote production (https://example.com/foobaz.git) does not point to the platform in ${clone.home}.`,
    );
  });

  test("a remote of another home on this machine names that home", async (t) => {
    const clone = await makeClone(t);
    const other = await t.tempDir();
    await writeFile(join(other, "server.json"), "{}");
    addRemote(clone, "production", "foobaz", other);
    const error = await refuses("not_found", () => findApp(clone, clone.home, { remote: "production" }));
    assert.match(error.hint ?? "", `GIT_HEROKU_HOME=${other}`);
  });

  test("a home behind a symbolic link and a file:// address are the same app", async (t) => {
    const clone = await makeClone(t);
    const link = join(await t.tempDir(), "link");
    await symlink(clone.home, link);
    addRemote(clone, "production", "foobaz", link);
    assert.is(findApp(clone, clone.home, {}), "foobaz");
    clone.git("config", "remote.production.url", `file://${clone.home}/repos/foobaz-two.git`);
    assert.is(findApp(clone, clone.home, {}), "foobaz-two");
  });

  test("a remote's name may hold dots and spaces", async (t) => {
    const clone = await makeClone(t);
    clone.git("config", "remote.my.odd name.url", `${clone.home}/repos/foobaz.git`);
    assert.equal(
      readRemotes(clone).map((remote) => remote.name),
      ["my.odd name"],
    );
  });
});

describe("connect app", (test) => {
  test("writes a remote that fetches the ledger and tells who pushes", async (t) => {
    const clone = await makeClone(t);
    const repo = `${clone.home}/repos/foobaz.git`;
    clone.git("init", "-q", "--bare", "-b", "main", repo);
    assert.is(connectApp(clone, "production", repo), "added");
    // An empty repository without notes can be fetched from.
    clone.git("fetch", "-q", "production");
    // Not by -c: git hides that from the other end of a push.
    clone.git("config", "user.name", "Ned");
    clone.git("config", "user.email", "ned@foobazco.com");
    clone.git("commit", "-q", "--allow-empty", "-m", "x");
    const who = join(clone.home, "who");
    await writeFile(`${repo}/hooks/pre-receive`, `#!/bin/sh\nprintf %s "$GIT_HEROKU_USER" >${who}\n`, { mode: 0o755 });
    clone.git("push", "-q", "production", "main", "main:releases");
    assert.match(execFileSync("cat", [who], { encoding: "utf8" }), /^Ned <ned@foobazco\.com> /);
    clone.git("-C", repo, "update-ref", "refs/notes/releases", "main");
    clone.git("fetch", "-q", "production");
    const refs = clone.git("for-each-ref", "--format=%(refname)").trim().split("\n");
    assert.equal(refs, [
      "refs/heads/main",
      "refs/notes/releases",
      "refs/remotes/production/main",
      "refs/remotes/production/releases",
    ]);
  });

  test("a second run repairs the remote and adds nothing twice", async (t) => {
    const clone = await makeClone(t);
    const repo = `${clone.home}/repos/foobaz.git`;
    connectApp(clone, "production", repo);
    const before = clone.git("config", "--get-regexp", "^remote");
    clone.git("config", "--unset", "remote.production.receivepack");
    assert.is(connectApp(clone, "production", repo), "updated");
    assert.equal(clone.git("config", "--get-regexp", "^remote").split("\n").sort(), before.split("\n").sort());
  });

  test("outside a clone nothing is written", async (t) => {
    const clone = await makeClone(t, false);
    assert.is(connectApp(clone, "production", "/x"), "outside a clone");
  });

  test("refuses a name that leads elsewhere or that git would not take", async (t) => {
    const clone = await makeClone(t);
    clone.git("remote", "add", "production", "https://example.com/x.git");
    addRemote(clone, "staging", "foobaz");
    await refuses("conflict", () => checkRemoteName(clone, clone.home, { remote: "production", app: "foobaz" }));
    await refuses("conflict", () => checkRemoteName(clone, clone.home, { remote: "staging", app: "other" }));
    await refuses("conflict", () => checkReplaceable(clone, clone.home, { remote: "production", app: "foobaz" }));
    checkReplaceable(clone, clone.home, { remote: "staging", app: "other" });
    checkRemoteName(clone, clone.home, { remote: "staging", app: "foobaz" });
    for (const remote of ["-x", "a b", "a..b", "a/", "", "x.lock"]) {
      await refuses("invalid_params", () => checkRemoteName(clone, clone.home, { remote }));
    }
  });

  test("disconnects every remote of the app and no other", async (t) => {
    const clone = await makeClone(t);
    addRemote(clone, "production", "foobaz");
    addRemote(clone, "again", "foobaz");
    addRemote(clone, "staging", "foobaz-staging");
    assert.equal(disconnectApp(clone, clone.home, "foobaz").sort(), ["again", "production"]);
    assert.is(clone.git("remote").trim(), "staging");
  });

  test("notices a branch called releases", async (t) => {
    const clone = await makeClone(t);
    assert.is(hasReleasesBranch(clone), false);
    clone.git("-c", "user.name=N", "-c", "user.email=n@x", "commit", "-q", "--allow-empty", "-m", "x");
    clone.git("branch", "releases");
    assert.is(hasReleasesBranch(clone), true);
  });
});

describe("identity", (test) => {
  test("is the author of the next commit here", async (t) => {
    const clone = await makeClone(t);
    clone.git("config", "user.name", "Łukasz Ned");
    clone.git("config", "user.email", "ned@foobazco.com");
    assert.equal(findIdentity(clone), { name: "Łukasz Ned", email: "ned@foobazco.com" });
  });

  test("GIT_HEROKU_USER wins, as it does in a push", async (t) => {
    const clone = await makeClone(t);
    const env = {
      ...clone.env,
      GIT_HEROKU_USER: "Kate <kate@foobazco.com>",
      GIT_AUTHOR_NAME: "N",
      GIT_AUTHOR_EMAIL: "n@x",
    };
    assert.equal(findIdentity({ cwd: clone.cwd, env }), { name: "Kate", email: "kate@foobazco.com" });
  });

  test("without any git identity it is the login at this machine", async (t) => {
    const clone = await makeClone(t);
    clone.git("config", "user.useConfigOnly", "true");
    const person = findIdentity({ cwd: clone.cwd, env: { ...clone.env, USER: "ned" } });
    assert.is(person.name, "ned");
    assert.match(person.email, /^ned@./);
  });

  test("is found where one may not enter the directory, as after sudo in root's", async (t) => {
    const { cwd, env } = await makeClone(t);
    await chmod(cwd, 0);
    const place = { cwd, env: { PATH: env["PATH"], GIT_AUTHOR_NAME: "Ned", GIT_AUTHOR_EMAIL: "ned@foobazco.com" } };
    const person = asStranger(() => findIdentity(place));
    assert.equal(person, { name: "Ned", email: "ned@foobazco.com" });
  });

  test("a machine without git says so", async (t) => {
    const clone = await makeClone(t);
    const error = await refuses("unavailable", () => findIdentity({ cwd: clone.cwd, env: { PATH: "/nonexistent" } }));
    assert.match(error.hint ?? "", "Install git");
  });
});
