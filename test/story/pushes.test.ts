/** Pushes that meet each other or lose their pusher, and who made them. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { checkConverged, readLedger } from "../support/converged.ts";
import { cloneFixture, deployFixture, must, stopRunning } from "../support/deploy.ts";
import { get, getUntil } from "../support/http.ts";
import { FIXTURES, borrowPlatform, startPlatform, type TestPlatform } from "../support/platform.ts";
import { AT_GATE, commitChange, commitGate, startPush } from "../support/push.ts";
import { describe } from "../support/suite.ts";
import { cp } from "node:fs/promises";

async function cloneOfNed(platform: TestPlatform, app: string): Promise<string> {
  const clone = join(platform.dir, "ned");
  await must(platform, platform.dir, "clone", "-q", "-o", "production", join(platform.home, `repos/${app}.git`), clone);
  await must(platform, clone, "heroku", "remote", "--app", app);
  await must(platform, clone, "config", "user.name", "Ned");
  await must(platform, clone, "config", "user.email", "ned@foobazco.com");
  return clone;
}

/** `Name <email>` of the newest release. */
function newestAuthor(platform: TestPlatform, app: string): Promise<string> {
  return must(platform, join(platform.home, `repos/${app}.git`), "log", "-1", "--format=%an <%ae>", "releases");
}

describe("pushes", (test) => {
  const common = test.shared(startPlatform);

  test("a request at the moment of a first push's answer is served by the app", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await cloneFixture(platform, "served");
    await must(platform, clone, "heroku", "create", "served");
    assert.match((await get(platform.routerPort, "served")).body, "code=H81");
    const push = startPush(platform, clone, "main");
    await push.shows("Launching... done, v2");
    const early = get(platform.routerPort, "served");
    await push.left;
    const answers = [await get(platform.routerPort, "served"), await early];
    for (const { status, body } of answers) assert.equal([status, body], [200, "web.1 at v2\n"]);
    assert.is((await push.ended).status, 0);
  });

  test("at the same time: the second waits, is refused; config goes on; other apps do not wait", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "gated");
    const other = await cloneFixture(platform, "foobaz");
    await must(platform, other, "heroku", "create", "foobaz");
    const ned = await cloneOfNed(platform, "gated");
    const gate = await commitGate(platform, ned, "neds");
    const first = startPush(platform, ned, "main");
    await first.shows(AT_GATE);
    const commit = await must(platform, ned, "rev-parse", "--short=7", "HEAD");

    await commitChange(platform, clone, "mine");
    const second = startPush(platform, clone, "main");
    await second.shows(`-----> waiting for the build of ${commit} by ned@foobazco.com`);
    const config = await must(platform, clone, "heroku", "config:add", "MODE=set");
    assert.match(config, /done, v3$/);
    await must(platform, other, "push", "-q", "production", "main");
    await getUntil(platform.routerPort, "foobaz", "at v2");

    await gate.open();
    const [done, refused] = await Promise.all([first.ended, second.ended]);
    assert.is(done.status, 0, done.stderr);
    assert.match(done.stderr, "Launching... done, v4");
    assert.is(refused.status, 1);
    assert.match(refused.stderr, "! [remote rejected] main -> main (branch moved)");
    assert.match(refused.stderr, "main moved while this push was waiting.");
    assert.not.match(refused.stderr, "Heroku receiving push");
    // The config that was set during the build is the new release's.
    await getUntil(platform.routerPort, "gated", "set at v4");
    assert.is(await checkConverged(platform, "gated"), 4);
    assert.is(await newestAuthor(platform, "gated"), "Ned <ned@foobazco.com>");
  });

  test("an interrupted or killed pusher leaves, the release is made and launched", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "gated");
    let version = 2;
    for (const signal of ["SIGINT", "SIGKILL"] as const) {
      const gate = await commitGate(platform, clone, signal);
      const push = startPush(platform, clone, "main");
      await push.shows(AT_GATE);
      process.kill(signal === "SIGINT" ? -push.pid : push.pid, signal);
      await push.left;
      await gate.open();
      version += 1;
      await getUntil(platform.routerPort, "gated", `at v${String(version)}`);
      assert.is(await checkConverged(platform, "gated"), version);
      const again = await platform.exec("git", ["push", "production", "main"], { cwd: clone });
      assert.match(again.stderr, "Everything up-to-date");
    }
  });

  test("force, nothing new, atomic with a failing build", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "foobaz");
    const git = (...args: string[]): ReturnType<TestPlatform["exec"]> => platform.exec("git", args, { cwd: clone });
    assert.match((await git("push", "production", "main")).stderr, "Everything up-to-date");

    await must(platform, clone, "config", "user.email", "ned@foobazco.com");
    await must(platform, clone, "commit", "-q", "--amend", "-m", "Rewritten");
    assert.match((await git("push", "production", "main")).stderr, "[rejected]");
    const forced = await git("push", "--force", "production", "main");
    assert.is(forced.status, 0, forced.stderr);
    assert.match(forced.stderr, /\+ [0-9a-f]+\.\.\.[0-9a-f]+ main -> main \(forced update\)/);
    assert.is(await newestAuthor(platform, "foobaz"), "Rick <ned@foobazco.com>");
    assert.is(await checkConverged(platform, "foobaz"), 3);

    const good = await must(platform, clone, "rev-parse", "HEAD");
    await rm(join(clone, "Procfile"));
    await cp(join(FIXTURES, "build-fails"), clone, { recursive: true });
    await must(platform, clone, "add", "-A");
    await must(platform, clone, "commit", "-q", "-m", "Fails");
    await must(platform, clone, "branch", "topic", good);
    const atomic = await git("push", "--atomic", "production", "main", "topic");
    assert.is(atomic.status, 1);
    // The tool's own words, and git's verdict on both.
    assert.match(atomic.stderr, "remote:        src/server.ts:3:1 - error: Expected a semicolon.");
    assert.match(atomic.stderr, "! [remote rejected] main -> main (build failed)");
    assert.match(atomic.stderr, /! \[remote rejected\] topic -> topic/);
    const refs = await must(platform, clone, "ls-remote", "production", "refs/heads/*");
    assert.not.match(refs, "refs/heads/topic");
    assert.is(await checkConverged(platform, "foobaz"), 3);

    await must(platform, clone, "reset", "-q", "--hard", good);
    await commitChange(platform, clone, "mended");
    const both = await git("push", "--atomic", "production", "main", "topic");
    assert.is(both.status, 0, both.stderr);
    assert.match(both.stderr, "topic is stored, not deployed. To deploy it: git push production topic:main");
    assert.is(await checkConverged(platform, "foobaz"), 4);
  });

  test("who pushed: the clone's person, GIT_HEROKU_USER, odd names, forged ones", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "foobaz");
    await stopRunning(platform, "foobaz");
    const cases: { config?: [string, string]; user?: string; author: RegExp | string }[] = [
      { config: ["Zoë 李", "zoe@foobazco.com"], author: "Zoë 李 <zoe@foobazco.com>" },
      { user: "Jürgen Groß <j@foobazco.com>", author: "Jürgen Groß <j@foobazco.com>" },
      { config: ["Mallory <root@foobazco.com>", "m@foobazco.com"], author: /^Mallory .*<m@foobazco\.com>$/ },
      { user: "Mallory\nRelease: v99 <m@foobazco.com>", author: /^[^\n<>]+ <[^\n<>]+>$/ },
    ];
    for (const [index, { config, user, author }] of cases.entries()) {
      if (config !== undefined) {
        await must(platform, clone, "config", "user.name", config[0]);
        await must(platform, clone, "config", "user.email", config[1]);
      }
      const env = user === undefined ? {} : { GIT_HEROKU_USER: user };
      const expected = typeof author === "string" ? new RegExp(`^${author}$`) : author;
      await commitChange(platform, clone, `case ${String(index)}`);
      const push = await platform.exec("git", ["push", "-q", "production", "main"], { cwd: clone, env });
      assert.is(push.status, 0, push.stderr);
      assert.match(await newestAuthor(platform, "foobaz"), expected, `push ${String(index)}`);
      const add = await platform.exec("git", ["heroku", "config:add", `N=${String(index)}`], { cwd: clone, env });
      assert.is(add.status, 0, add.stderr);
      assert.match(await newestAuthor(platform, "foobaz"), expected, `config ${String(index)}`);
    }
    const releases = await readLedger(platform, "foobaz");
    assert.is(releases.length, 2 + 2 * cases.length);
    assert.equal(new Set(releases.slice(0, -2).map(({ change }) => change)), new Set(["config", "deploy"]));
  });
});
