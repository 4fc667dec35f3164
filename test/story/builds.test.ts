/** Builds by the hand of a user: what is kept of each, and how one is ended. */
import { mkdir, writeFile } from "node:fs/promises";
import { getPriority } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { untilSame } from "../support/converged.ts";
import { cloneFixture, deployFixture, must, platformClient } from "../support/deploy.ts";
import { borrowPlatform, processesOf, startPlatform } from "../support/platform.ts";
import { AT_GATE, commitGate, startGit, startPush } from "../support/push.ts";
import { describe } from "../support/suite.ts";
import { ROOT, runTranscript } from "../support/transcript.ts";

describe("builds", (test) => {
  const common = test.shared(startPlatform);

  test("a session", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "hello");
    await runTranscript(join(ROOT, "test/transcripts/builds.txt"), { cwd: clone, env: platform.env });
  });

  test("cancelled: its processes are gone, the push is rejected, the output was followed; it ran at low priority", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await cloneFixture(platform, "gated");
    await must(platform, clone, "heroku", "create", "gated");
    await commitGate(platform, clone, "shut");
    const push = startPush(platform, clone, "main");
    await push.shows(AT_GATE);
    const following = startGit(platform, clone, ["heroku", "builds:output"]);
    await following.shows(AT_GATE);
    const build = (await processesOf(platform.home)).find(({ command }) => command.includes("build.js"));
    const { stdout } = await platform.exec("ps", ["-o", "nice=", "-p", String(build?.pid)]);
    assert.is(stdout.trim(), String(Math.min(19, getPriority() + 10)));
    assert.is(await must(platform, clone, "heroku", "builds:cancel"), "Cancelling the build... done");
    const { status, stderr } = await push.ended;
    assert.is(status, 1);
    assert.match(stderr, " !     build cancelled by rick@foobazco.com");
    assert.match(stderr, "(build cancelled)");
    assert.is((await following.ended).status, 0);
    await untilSame([], async () =>
      (await processesOf(platform.home)).filter(({ command }) => command.includes("build.js")),
    );
    const [record] = await platformClient(platform).builds("gated");
    assert.equal([record?.status, record?.reason, record?.release], ["failed", "cancelled by rick@foobazco.com", null]);
  });

  test("kill -9 of the daemon in a build: its record says that it failed", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await cloneFixture(platform, "gated");
    await must(platform, clone, "heroku", "create", "gated");
    await commitGate(platform, clone, "shut");
    const push = startPush(platform, clone, "main");
    await push.shows(AT_GATE);
    await platform.kill();
    const { status, stderr } = await push.ended;
    assert.is(status, 1, stderr);
    assert.match(stderr, "[remote rejected] main -> main (fail to run proc-receive hook)");
    await platform.wake();
    const info = await must(platform, clone, "heroku", "builds:info");
    assert.match(info, "Status:  failed\nReason:  the platform stopped while it ran");
    assert.match(await must(platform, clone, "heroku", "builds:output"), AT_GATE);
    // Another broken record is left out.
    await mkdir(join(platform.home, "apps/gated/builds"), { recursive: true });
    await writeFile(join(platform.home, "apps/gated/builds/7ffc8cfe-1ec4-414f-84b7-2af5d13b4266.json"), "{");
    assert.is((await platformClient(platform).builds("gated")).length, 1);
  });
});
