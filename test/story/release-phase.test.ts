/** Release commands by the hand of a user, and what kill -9 of the daemon leaves of one. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import { untilSame } from "../support/converged.ts";
import { cloneFixture, must, platformClient } from "../support/deploy.ts";
import { makeGate } from "../support/gate.ts";
import { borrowPlatform, processesOf, startPlatform, type TestPlatform } from "../support/platform.ts";
import { startGit, startPush } from "../support/push.ts";
import { describe } from "../support/suite.ts";
import { ROOT, runTranscript } from "../support/transcript.ts";
import { killDuringReleasePhase } from "./kill-lab.ts";

async function createMigrating(platform: TestPlatform, ...config: string[]): Promise<string> {
  const clone = await cloneFixture(platform, "migrates");
  await must(platform, clone, "heroku", "create", "migrates");
  await must(platform, clone, "heroku", "config:add", ...config);
  return clone;
}

/** Processes of the release command that are left anywhere. */
async function migrations(platform: TestPlatform): Promise<string[]> {
  return (await processesOf(platform.home)).map(({ command }) => command).filter((one) => one.includes("migrate.sh"));
}

describe("release phase by hand", (test) => {
  const common = test.shared(startPlatform);

  test("a session", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await createMigrating(platform, "A=1");
    await must(platform, clone, "push", "-q", "production", "main");
    await runTranscript(join(ROOT, "test/transcripts/release-phase.txt"), { cwd: clone, env: platform.env });
  });

  test("kill -9 of the daemon while it runs: the release has failed, the process is stopped, nothing of it runs", async (t) => {
    const platform = await borrowPlatform(t, common);
    const gate = makeGate(platform, "release");
    const clone = await createMigrating(platform, `GATE=${gate.path}`);
    const push = startPush(platform, clone, "main");
    await push.shows("migrating for v3");
    assert.match(await must(platform, clone, "heroku", "ps"), /^release\.3 {5}up for .* sh migrate\.sh$/m);
    const coming = /^v3    Deploy [0-9a-f]{7} \(pending\) +rick@foobazco\.com +release command executing\nv2 /m;
    assert.match(await must(platform, clone, "heroku", "releases"), coming);
    const [pending] = await platformClient(platform).releases("migrates", 1);
    assert.equal([pending?.version, pending?.status, pending?.current], [3, "pending", false]);
    const waiting = startGit(platform, clone, ["heroku", "config:add", "B=1"]);
    await waiting.shows("-----> waiting for the release phase of v3 by rick@foobazco.com");
    await platform.kill();
    assert.is((await push.ended).status, 1);
    const lost = await waiting.ended;
    assert.equal([lost.status, /The platform stopped before it answered/.test(lost.stderr)], [1, true], lost.stderr);
    await platform.wake();
    const client = platformClient(platform);
    const [newest] = await client.releases("migrates", 1);
    assert.equal([newest?.version, newest?.status, newest?.current], [3, "failed", false]);
    await untilSame([], () => client.dynos("migrates"));
    await untilSame([], () => migrations(platform));
    assert.match(
      await must(platform, clone, "heroku", "logs", "--ps", "api"),
      "Release v3 failed: the platform stopped while it ran",
    );
    await gate.open();
    assert.match((await platform.exec("git", ["push", "production", "main"], { cwd: clone })).stderr, "done, v4");
    await must(platform, clone, "heroku", "releases:verify", "--fetch");
  });

  test("kill -9 of the daemon at other steps of it", async (t) => {
    await killDuringReleasePhase(await borrowPlatform(t, common), [
      "the pending release is written",
      "nothing is pending",
    ]);
  });
});
