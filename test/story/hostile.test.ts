/** Hostile input by the hand of somebody who may push and change config, each attack by its name: refused, or harmless.
 *  Whatever was tried, the ledger is whole afterwards, on the platform and in a clone. */
import { randomBytes } from "node:crypto";
import { lstat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { checkRepository } from "../support/fsck.ts";
import { deployFixture, must, stopRunning } from "../support/deploy.ts";
import { borrowPlatform, startPlatform, type ExecResult, type TestPlatform } from "../support/platform.ts";
import { RawObjects, type RawEntry } from "../support/raw-objects.ts";
import { describe, type TestContext } from "../support/suite.ts";

interface Scene {
  platform: TestPlatform;
  clone: string;
  repo: string;
  git(...args: string[]): Promise<ExecResult>;
  as(user: string, ...args: string[]): Promise<ExecResult>;
}

async function makeScene(t: TestContext, common: () => Promise<TestPlatform>): Promise<Scene> {
  const platform = await borrowPlatform(t, common);
  const clone = await deployFixture(platform, "hello", "foobaz");
  await stopRunning(platform, "foobaz");
  return {
    platform,
    clone,
    repo: join(platform.home, "repos/foobaz.git"),
    git: (...args) => platform.exec("git", args, { cwd: clone }),
    as: (user, ...args) => platform.exec("git", args, { cwd: clone, env: { GIT_HEROKU_USER: user } }),
  };
}

/** How many releases there are, all of them right. */
async function releasesOf(scene: Scene): Promise<number> {
  const here = await scene.git("heroku", "releases:verify", "--fetch", "--json");
  assert.is(here.status, 0, here.stdout + here.stderr);
  const server = await scene.git("heroku", "releases:verify", "--server");
  assert.is(server.status, 0, server.stdout + server.stderr);
  await checkRepository(scene.platform, scene.repo);
  return (JSON.parse(here.stdout) as { releases: number }).releases;
}

function newest({ platform, repo }: Scene, format: string): Promise<string> {
  return must(platform, repo, "log", "-1", `--format=${format}`, "refs/heads/releases");
}

/** A commit on top of the clone's, with a tree that no git would make. */
async function forgeCommit(scene: Scene, entries: (objects: RawObjects) => RawEntry[]): Promise<string> {
  const objects = new RawObjects();
  const parent = await must(scene.platform, scene.clone, "rev-parse", "HEAD");
  const procfile = { mode: "100644", name: "Procfile", oid: objects.put("blob", "web: node web.js\n") };
  const tree = objects.putTree([procfile, ...entries(objects)]);
  const who = "Eve <eve@example.com> 1795450000 +0000";
  const commit = `tree ${tree}\nparent ${parent}\nauthor ${who}\ncommitter ${who}\n\nForged\n`;
  const oid = objects.put("commit", commit);
  await objects.writeTo(join(scene.clone, ".git"), {});
  return oid;
}

const push = (scene: Scene, oid: string): Promise<ExecResult> => scene.git("push", "-q", "production", `${oid}:main`);

describe("hostile input", (test) => {
  const common = test.shared(startPlatform);

  test("names of users: headers, trailers, terminals", async (t) => {
    const scene = await makeScene(t, common);
    const dead = "dead".repeat(10);
    const names = [
      `Eve\nparent ${dead} <eve@example.com>`,
      "Eve\n\nv99: Mine\n\nRelease: v99\nStatus: succeeded <eve@example.com>",
      `Eve <eve@example.com>\ncommitter Eve <eve@example.com> 1 +0000\n\nv7: x <eve@example.com>`,
      "Eve> 0 +0000\ngpgsig AAAA <eve@example.com>",
      "\u001b]0;owned\u0007Eve\u202e <eve@example.com>",
      "\u2028Release: v9 <eve@\u0085example.com>",
      `${"E".repeat(5000)} <eve@example.com>`,
      "\ud83d <eve@example.com>",
    ];
    for (const [index, name] of names.entries()) {
      const { status, stderr } = await scene.as(name, "heroku", "config:add", `N=${String(index)}`);
      assert.is(status, 0, stderr);
      assert.match(await newest(scene, "%ae"), /^eve@/, JSON.stringify(name));
      assert.is(await newest(scene, "%s"), `v${String(index + 3)}: Config add N`);
      assert.is((await newest(scene, "%P")).split(" ").length, 2);
    }
    // The same, through a push.
    await must(
      scene.platform,
      scene.clone,
      "commit",
      "-q",
      "--allow-empty",
      "-m",
      "v99: Mine\n\nRelease: v99\nStatus: failed",
    );
    const pushed = await scene.as(names[1] ?? "", "push", "-q", "production", "main");
    assert.is(pushed.status, 0, pushed.stderr);
    const version = names.length + 3;
    assert.match(await newest(scene, "%s"), new RegExp(`^v${String(version)}: Deploy [0-9a-f]{7}$`));
    assert.is(await releasesOf(scene), version);
  });

  test("names and values of config vars: lines, trailers, commands, the platform's own", async (t) => {
    const scene = await makeScene(t, common);
    const refused = ["A\n\nRelease: v99=1", "A\nB=1", "__proto__=1", "PATH=/tmp", "DOTENV_PUBLIC_KEY=x", "A-B=1", "=1"];
    for (const word of refused) {
      const { status } = await scene.git("heroku", "config:add", word);
      assert.ok(status === 1 || status === 2, word);
    }
    assert.is(await releasesOf(scene), 2);
    const value = "'\nEVIL='1'\n$(touch /tmp/owned)`id`\n\nRelease: v99";
    assert.is((await scene.git("heroku", "config:add", `A=${value}`)).status, 0);
    assert.is((await scene.git("heroku", "config:get", "A")).stdout, `${value}\n`);
    const long = Array.from({ length: 60 }, (_, index) => `${"LONG".repeat(10)}_${String(index)}=x`);
    assert.is((await scene.git("heroku", "config:add", ...long)).status, 0);
    assert.is(await releasesOf(scene), 4);
  });

  test("names of files: trailers, the ledger's own, names in two cases", async (t) => {
    const scene = await makeScene(t, common);
    const names = [
      "v9: x\n\nRelease: v9",
      "config.env",
      "addons.json",
      "code",
      "-rf",
      "README",
      "readme",
      "\u001b[2J",
      "a\tb",
    ];
    for (const name of names) await writeFile(join(scene.clone, name), "x\n");
    await must(scene.platform, scene.clone, "add", "-A");
    await must(scene.platform, scene.clone, "commit", "-q", "-m", "Files");
    const pushed = await scene.git("push", "-q", "production", "main");
    assert.is(pushed.status, 0, pushed.stderr);
    assert.is(await releasesOf(scene), 3);
    // The code's config.env is the code's affair.
    assert.equal(JSON.parse((await scene.git("heroku", "config", "--json")).stdout), {});
  });

  test("symbolic links out of the code, and one in the Procfile's place", async (t) => {
    const scene = await makeScene(t, common);
    await symlink("/etc/passwd", join(scene.clone, "passwd"));
    await symlink("../../../../keys", join(scene.clone, "keys"));
    await must(scene.platform, scene.clone, "add", "-A");
    await must(scene.platform, scene.clone, "commit", "-q", "-m", "Links");
    assert.is((await scene.git("push", "-q", "production", "main")).status, 0);
    await must(scene.platform, scene.clone, "rm", "-q", "Procfile");
    await symlink("/etc/passwd", join(scene.clone, "Procfile"));
    await must(scene.platform, scene.clone, "add", "-A");
    await must(scene.platform, scene.clone, "commit", "-q", "-m", "Link");
    const pushed = await scene.git("push", "-q", "production", "main");
    assert.is(pushed.status, 1, "a link is no Procfile");
    assert.not.match(pushed.stderr, "root:");
    assert.ok((await lstat(join(scene.clone, "Procfile"))).isSymbolicLink());
    assert.is(await releasesOf(scene), 3);
  });

  test(".git in a tree, by all its names, and paths that climb", async (t) => {
    const scene = await makeScene(t, common);
    for (const name of [".git", ".GIT", "git~1", ".git ", "..", ".", "a/b", ".g\u200cit"]) {
      const oid = await forgeCommit(scene, (objects) => [
        { mode: "100755", name, oid: objects.put("blob", "#!/bin/sh\ntouch /tmp/owned\n") },
      ]);
      const pushed = await push(scene, oid);
      assert.is(pushed.status, 1, JSON.stringify(name));
      assert.match(pushed.stderr, /rejected|failed|fatal/);
    }
    const oid = await forgeCommit(scene, (objects) => [
      { mode: "100644", name: "twice", oid: objects.put("blob", "1") },
      { mode: "100644", name: "twice", oid: objects.put("blob", "2") },
    ]);
    assert.is((await push(scene, oid)).status, 1, "two entries of one name");
    assert.is(await releasesOf(scene), 2);
  });

  test("enormous files: a Procfile of 2 MiB is refused, a large file of the code is not the ledger's affair", async (t) => {
    const scene = await makeScene(t, common);
    await writeFile(join(scene.clone, "large"), randomBytes(8 * 1024 * 1024));
    await must(scene.platform, scene.clone, "add", "-A");
    await must(scene.platform, scene.clone, "commit", "-q", "-m", "Large");
    assert.is((await scene.git("push", "-q", "production", "main")).status, 0);
    await writeFile(join(scene.clone, "Procfile"), `web: node web.js\n${"#".repeat(2 * 1024 * 1024)}\n`);
    await must(scene.platform, scene.clone, "commit", "-q", "-a", "-m", "Procfile");
    const pushed = await scene.git("push", "-q", "production", "main");
    assert.is(pushed.status, 1);
    assert.match(pushed.stderr, "Procfile is larger than");
    assert.is(await releasesOf(scene), 3);
  });

  test("a push larger than it may be is refused as it comes, and nothing of it stays", async (t) => {
    const scene = await makeScene(t, common);
    // The limit is 500 MB; `large-push.long` pushes a gigabyte.
    await must(scene.platform, scene.repo, "config", "receive.maxInputSize", "100k");
    await writeFile(join(scene.clone, "large"), randomBytes(1024 * 1024));
    await must(scene.platform, scene.clone, "add", "-A");
    await must(scene.platform, scene.clone, "commit", "-q", "-m", "Large");
    const pushed = await scene.git("push", "-q", "production", "main");
    assert.is(pushed.status, 1);
    assert.match(pushed.stderr, "pack exceeds maximum allowed size");
    const { stdout } = await scene.platform.exec("du", ["-sk", join(scene.repo, "objects")]);
    assert.ok(Number.parseInt(stdout, 10) < 1000, stdout);
    assert.is(await releasesOf(scene), 2);
  });

  test("pushes to the ledger's refs, and beside them", async (t) => {
    const scene = await makeScene(t, common);
    const head = await newest(scene, "%H");
    const hidden = ["refs/heads/releases", "refs/heroku/state", "refs/heroku/seen/production/releases"];
    for (const ref of [...hidden, `refs/replace/${head}`, "refs/notes/releases"]) {
      const { status, stderr } = await scene.git("push", "--force", "production", `HEAD:${ref}`);
      assert.is(status, 1, ref);
      assert.match(stderr, "deny updating a hidden ref");
    }
    assert.is((await scene.git("push", "production", ":refs/heads/releases")).status, 1, "deleting the ledger");
    assert.is((await scene.git("push", "production", "HEAD:refs/heads/releases/x")).status, 1, "a branch below it");
    // Stored like any ref of a person, and nobody's ledger; git takes a short name for the tag.
    await scene.git("push", "-q", "production", "HEAD:refs/remotes/production/releases");
    await scene.git("push", "-q", "production", "HEAD:refs/tags/releases");
    assert.is(await releasesOf(scene), 2);
    assert.is(await newest(scene, "%H"), head);
  });
});
