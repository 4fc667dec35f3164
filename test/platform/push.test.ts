/** Pushes as the daemon sees them, without the hooks: test/hook has those. */
import * as assert from "uvu/assert";
import { createApp } from "../../src/platform/create-app.ts";
import { destroyApp } from "../../src/platform/destroy-app.ts";
import { ANNOUNCE_PATIENCE_MS } from "../../src/platform/receive-push.ts";
import { get, type Answer } from "../support/http.ts";
import { describe } from "../support/suite.ts";
import { bringCode, deploy, HeldClock, logText, NED, openLab, pushCommit, SLEEPER, until } from "./lab.ts";

function pick({ status, body }: Answer): Partial<Answer> {
  return { status, body };
}

describe("push", (test) => {
  test("a push whose post-receive is lost is launched all the same", async (t) => {
    const clock = new HeldClock(ANNOUNCE_PATIENCE_MS);
    const lab = await openLab(t, { clock });
    const app = await createApp(lab.platform, "foobaz", NED);
    const pushed = await pushCommit(lab, app, await bringCode(lab, app, SLEEPER), { announced: false });
    assert.equal(pushed.report, { ref: "refs/heads/main", ok: true });
    assert.is(app.launchedVersion, 0);
    assert.is(clock.heldCount, 1);
    clock.letPass();
    await until(() => app.launchedVersion === 2);
    assert.match(lab.notes.join(), "launching v2 of foobaz: git has not announced it");
  });

  test("from the answer to a first push on, requests wait for the launch", async (t) => {
    const clock = new HeldClock(ANNOUNCE_PATIENCE_MS);
    const lab = await openLab(t, { clock });
    const app = await createApp(lab.platform, "foobaz", NED);
    const web = "require('http').createServer((_, answer) => answer.end('served')).listen(process.env.PORT)\n";
    const commit = await bringCode(lab, app, { Procfile: "web: node web.js\n", "web.js": web });
    assert.match((await get(lab.platform.router.port, app.name)).body, "no code has been pushed to it yet");
    await pushCommit(lab, app, commit, { announced: false });
    const asked = get(lab.platform.router.port, app.name);
    assert.is(app.launchedVersion, 0);
    clock.letPass();
    assert.equal(pick(await asked), { status: 200, body: "served" });
    await lab.close();
  });

  test("a first push without a web process: a request that waited is told that there is none (H14)", async (t) => {
    const clock = new HeldClock(ANNOUNCE_PATIENCE_MS);
    const lab = await openLab(t, { clock });
    const app = await createApp(lab.platform, "foobaz", NED);
    await pushCommit(lab, app, await bringCode(lab, app, SLEEPER), { announced: false });
    const asked = get(lab.platform.router.port, app.name);
    clock.letPass();
    assert.match((await asked).body, "code=H14");
  });

  test("a push whose pusher has left is launched at once", async (t) => {
    const clock = new HeldClock(ANNOUNCE_PATIENCE_MS);
    const lab = await openLab(t, { clock });
    const app = await createApp(lab.platform, "foobaz", NED);
    await pushCommit(lab, app, await bringCode(lab, app, SLEEPER), { announced: false, hasLeft: true });
    await until(() => app.launchedVersion === 2);
    assert.is(clock.heldCount, 0);
  });

  test("a push that was announced is launched once", async (t) => {
    const clock = new HeldClock(ANNOUNCE_PATIENCE_MS);
    const lab = await openLab(t, { clock });
    const app = await createApp(lab.platform, "foobaz", NED);
    assert.is(await deploy(lab, app), 2);
    clock.letPass();
    await lab.close();
    assert.not.match(lab.notes.join(), "has not announced");
  });

  test("the wait for a lost post-receive does not hold up a stop", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await pushCommit(lab, app, await bringCode(lab, app, SLEEPER), { announced: false });
    await lab.close();
    assert.is(app.launchedVersion, 0);
  });

  test("two first pushes, to main and to master: the second learns the branch before it builds", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    const commit = await bringCode(lab, app, SLEEPER);
    const pushing = pushCommit(lab, app, commit, { ref: "refs/heads/main" });
    await until(() => app.runningBuild !== undefined);
    const second = await pushCommit(lab, app, commit, { ref: "refs/heads/master" });
    const first = await pushing;
    assert.equal(first.report, { ref: "refs/heads/main", ok: true });
    assert.equal(second.report, { ref: "refs/heads/master", ok: false, reason: "deploys from main" });
    assert.match(second.shown, "waiting for the build of");
    assert.match(second.shown, "git push production master:main");
    assert.is((await app.ledger.head())?.version, 2);
    assert.is((await logText(app)).split("Build of").length - 1, 2, "one build, begun and ended");
  });

  test("two pushes of the same branch at once: one wins, the other is told that it moved", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    const one = await bringCode(lab, app, SLEEPER);
    const two = await bringCode(lab, app, { ...SLEEPER, more: "x" });
    const pushing = pushCommit(lab, app, one);
    await until(() => app.runningBuild !== undefined);
    assert.equal((await pushCommit(lab, app, two, { old: "0".repeat(40) })).report, {
      ref: "refs/heads/main",
      ok: false,
      reason: "branch moved",
    });
    assert.is((await pushing).report?.ok, true);
    assert.is(await app.ledger.ref("refs/heads/main"), one);
  });

  test("a failed build is rejected, logged and no release", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    const { report, shown } = await pushCommit(lab, app, await bringCode(lab, app, { Procfile: "web node\n" }));
    assert.equal(report, { ref: "refs/heads/main", ok: false, reason: "build failed" });
    assert.match(shown, "Procfile line 1");
    const built = (await logText(app)).split("\n").filter((line) => line.includes('"ps":"build"'));
    const said = [/"Build of \w+ started by /, /"-----> Heroku receiving push"/, /" ! {5}Procfile line 1/, / failed"/];
    assert.is(built.length, said.length);
    for (const [number, line] of built.entries()) assert.match(line, said[number] ?? "");
    assert.is((await app.ledger.head())?.version, 1);
  });

  test("deleting the deploy branch is refused", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await deploy(lab, app);
    const { report } = await pushCommit(lab, app, "0".repeat(40));
    assert.equal(report, { ref: "refs/heads/main", ok: false, reason: "deletion refused" });
  });

  test("a tag object is no commit", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    const repo = lab.home.repo(app.name);
    const commit = await bringCode(lab, app, SLEEPER);
    await lab.git(repo, "tag", "-a", "-m", "x", "v1.0", commit);
    const tag = await lab.git(repo, "rev-parse", "refs/tags/v1.0");
    assert.is((await pushCommit(lab, app, tag)).report?.ok, false);
    assert.is((await app.ledger.head())?.version, 1);
  });

  test("destroyed or stopping, an app takes no push", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    const commit = await bringCode(lab, app, { Procfile: "web: x\n", "package.json": "{}" });
    const pushing = pushCommit(lab, app, commit);
    await destroyApp(lab.platform, app, NED);
    assert.is((await pushing).report?.ok, false);
    const other = await createApp(lab.platform, "other", NED);
    const code = await bringCode(lab, other, SLEEPER);
    lab.platform.beginClose();
    const { report } = await pushCommit(lab, other, code);
    assert.equal(report, { ref: "refs/heads/main", ok: false, reason: "platform stopping" });
  });
});
