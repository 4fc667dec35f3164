/** Release commands, as the platform runs them: before anything is switched, one at a time, and never half. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { AppError } from "../../src/core/error.ts";
import type { App } from "../../src/platform/app.ts";
import type { Actor } from "../../src/platform/actor.ts";
import { changeSettings } from "../../src/platform/change-settings.ts";
import { createApp } from "../../src/platform/create-app.ts";
import { passOf } from "../../src/platform/pass.ts";
import { followReleaseOutput } from "../../src/platform/release-output.ts";
import { stop } from "../../src/platform/restart.ts";
import { revert } from "../../src/platform/revert.ts";
import { rollback } from "../../src/platform/rollback.ts";
import { rotateConfigKey } from "../../src/platform/rotate-config-key.ts";
import { readConfig, setConfig } from "../../src/platform/set-config.ts";
import { tokenVisitor } from "../../src/platform/visitor.ts";
import { waitUntilUp } from "../../src/platform/wait-until-up.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { bringCode, deploy, logText, NED, openLab, pushCommit, SLEEPER, until, untilLogged, type Lab } from "./lab.ts";

/** A release command that runs until the gate is opened. */
function gated(gate: string, then = "true"): Record<string, string> {
  return withRelease(`echo at "the gate"; until [ -e ${gate} ]; do sleep 0.02; done; ${then}`);
}

function withRelease(command: string): Record<string, string> {
  return { Procfile: `${SLEEPER.Procfile}release: ${command}\n` };
}

async function setUp(t: TestContext): Promise<{ lab: Lab; app: App; gate: string }> {
  const lab = await openLab(t);
  return { lab, app: await createApp(lab.platform, "foobaz", NED), gate: join(await t.tempDir(), "gate") };
}

async function output(app: App, version: number): Promise<string | undefined> {
  const pieces = await followReleaseOutput(app, version, new AbortController().signal);
  if (pieces === undefined) return undefined;
  let text = "";
  for await (const piece of pieces) text += piece;
  return text;
}

/** Ned, with a token for everything. */
async function byToken({ platform }: Lab): Promise<Actor> {
  const { about } = await platform.tokens.create({
    owner: NED.by,
    isAdmin: true,
    description: "",
    lifetimeMs: undefined,
  });
  const use = platform.tokens.use(about.id);
  if (use === undefined) throw new Error("no token");
  const visitor = tokenVisitor(use);
  const pass = passOf(platform, visitor);
  return { ...visitor.actor, ...(pass && { pass }) };
}

async function refusal(work: Promise<unknown>): Promise<AppError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.instance(error, AppError);
  return error as AppError;
}

describe("release phase", (test) => {
  test("runs with the new slug and config before anything is switched; a change waits for it and says so", async (t) => {
    const { lab, app, gate } = await setUp(t);
    await setConfig(lab.platform, app, { GREETING: "hello" }, NED);
    const files = {
      ...gated(gate, "echo $GREETING $DYNO $HEROKU_RELEASE_VERSION ${PORT-none} $(cat new)"),
      new: "slug",
    };
    const pushing = pushCommit(lab, app, await bringCode(lab, app, files));
    await untilLogged(app, "at the gate");
    const [shown, more] = app.processes();
    assert.equal([shown?.name, shown?.state, shown?.release, more], ["release.3", "up", 3, undefined]);
    assert.is((await app.ledger.head())?.version, 2, "it is no release yet");
    let told = "";
    const actor = { ...NED, output: (text: string) => void (told += text) };
    const changing = setConfig(lab.platform, app, { OTHER: "1" }, actor);
    assert.is(told, "-----> waiting for the release phase of v3 by ned@foobazco.com\n");
    const following = output(app, 3);
    await writeFile(gate, "");
    const { report, shown: pushed } = await pushing;
    assert.is(report?.ok, true);
    const expected = "-----> Running release command...\n       at the gate\n       hello release.3 v3 none slug\n";
    assert.match(pushed, `${expected}-----> Launching... done, v3\n`);
    assert.ok((await following)?.endsWith(expected));
    assert.match((await output(app, 3)) ?? "", /^-----> Heroku receiving push\n/);
    assert.is((await changing).release?.version, 4);
    assert.ok(told.endsWith("       hello release.4 v4 none slug\n"));
    const log = await logText(app);
    const order = [
      "Running release v3 commands by ned@foobazco.com",
      '"ps":"release.3","source":"heroku","release":3,"msg":"State changed from starting to up"',
      '"ps":"release.3","source":"app","release":3,"msg":"hello release.3 v3 none slug"',
      '"ps":"release.3","source":"heroku","release":3,"msg":"State changed from up to complete"',
      "Release v3 created by ned@foobazco.com",
    ].map((text) => log.indexOf(text));
    assert.equal(
      order,
      order.toSorted((a, b) => a - b),
    );
    assert.ok(order.every((place) => place >= 0));
    const waited = await waitUntilUp(
      lab.platform,
      app,
      { type: undefined, withRun: true, timeoutMs: 60_000 },
      app.ending,
    );
    assert.equal([waited.status, waited.version], ["up", 4]);
  });

  test("one that fails: the push is rejected, the release recorded and never run; what follows starts before it", async (t) => {
    const { lab, app } = await setUp(t);
    const files = withRelease('echo no database; [ -n "$DATABASE" ]');
    const commit = await bringCode(lab, app, files);
    const { report, shown } = await pushCommit(lab, app, commit);
    assert.equal(report, { ref: "refs/heads/main", ok: false, reason: "release command failed" });
    assert.match(shown, " !     Release command failed: exit status 1. v2 was not deployed.\n");
    assert.match(shown, " !     See its output with `git heroku releases:output v2`.\n");
    const failed = await app.ledger.get(2);
    assert.equal([failed.status, failed.code, failed.description], ["failed", commit, `Deploy ${commit.slice(0, 7)}`]);
    assert.is(await app.ledger.deployBranch(), undefined);
    assert.is(app.launchedVersion, 0);
    assert.match(await logText(app), "Release v2 failed: exit status 1");
    assert.is((await setConfig(lab.platform, app, { DATABASE: "x" }, NED)).release?.code, undefined);
    assert.is((await pushCommit(lab, app, commit)).report?.ok, true);
    await until(() => app.launchedVersion === 4);
    const error = await refusal(setConfig(lab.platform, app, { DATABASE: null, MORE: "1" }, NED));
    assert.equal(
      [error.id, error.message],
      ["release_failed", "Release command failed: exit status 1. v5 was not deployed; v4 runs on."],
    );
    assert.equal(await readConfig(app), { DATABASE: "x" });
    assert.is(app.launchedVersion, 4);
    assert.is(
      (await refusal(rollback(lab.platform, app, 5, NED))).message,
      "Cannot roll back to v5: it is a failed release.",
    );
    // A new key is no reason to run it, and a failing command none to refuse it.
    assert.is((await rotateConfigKey(lab.platform, app, NED)).version, 6);
    assert.is(await output(app, 6), undefined);
  });

  test("rollbacks and reverts run it too", async (t) => {
    const { lab, app } = await setUp(t);
    await deploy(lab, app, withRelease("echo one"));
    await setConfig(lab.platform, app, { A: "1" }, NED);
    await deploy(lab, app, withRelease("echo two"));
    await rollback(lab.platform, app, 2, NED);
    await revert(lab.platform, app, 3, NED).catch(() => undefined);
    const shown = await Promise.all([2, 3, 4, 5].map((version) => output(app, version)));
    assert.equal(
      shown.map((text) => / {7}(one|two)\n$/.exec(text ?? "")?.[1]),
      ["one", "one", "two", "one"],
    );
  });

  test("the ways in which it can be ended from outside: its time limit, a stop, and its maker's token", async (t) => {
    const { lab, app, gate } = await setUp(t);
    await changeSettings(lab.platform, app, { "release-timeout": "1s" }, NED);
    const late = await pushCommit(
      lab,
      app,
      await bringCode(lab, app, withRelease("trap 'exit 0' TERM; sleep 600 & wait")),
    );
    assert.match(late.shown, "Release command failed: it took longer than 1 second. v2 was not deployed.");
    await changeSettings(lab.platform, app, { "release-timeout": null }, NED);
    const pushing = pushCommit(lab, app, await bringCode(lab, app, gated(gate)));
    await untilLogged(app, "at the gate");
    await stop(lab.platform, app, "release.3", NED);
    assert.match((await pushing).shown, "Release command failed: it was stopped. v3 was not deployed.");
    const killed = await pushCommit(lab, app, await bringCode(lab, app, withRelease("kill -9 $$")));
    assert.match(killed.shown, "exit status 137 (SIGKILL)");
    const actor = await byToken(lab);
    const stolen = pushCommit(lab, app, await bringCode(lab, app, gated(`${gate}-closed`)), { actor });
    await until(() => app.phase?.version === 5 && app.processes()[0]?.state === "up");
    for (const { id } of lab.platform.tokens.list()) await lab.platform.tokens.revoke(id);
    assert.match((await stolen).shown, "Release command failed: Your token was revoked, or has expired. v5 was not");
    assert.is((await app.ledger.get(5)).status, "failed");
    const after = await pushCommit(lab, app, await bringCode(lab, app, SLEEPER), { actor });
    assert.equal(after.report, { ref: "refs/heads/main", ok: false, reason: "not allowed any more" });
    assert.is((await app.ledger.head())?.version, 5);
  });

  test("a platform that is stopped meanwhile stops it, and says that it failed", async (t) => {
    const { lab, app, gate } = await setUp(t);
    const pushing = pushCommit(lab, app, await bringCode(lab, app, gated(gate)));
    await untilLogged(app, "at the gate");
    await lab.close({ apps: false });
    assert.equal((await pushing).report, { ref: "refs/heads/main", ok: false, reason: "platform stopping" });
    const next = await openLab(t, { root: lab.home.root });
    const again = next.platform.app("foobaz");
    assert.equal([(await again.ledger.get(2)).status, again.processes()], ["failed", []]);
    assert.match(await logText(again), "Release v2 failed: foobaz was closed while it ran");
  });
});
