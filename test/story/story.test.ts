/** The story of the README, from end to end: the built command, real git, real processes, real HTTP. */
import { join } from "node:path";
import { readFile } from "node:fs/promises";
import * as assert from "uvu/assert";
import { checkRepository } from "../support/fsck.ts";
import { cloneFixture, makeConfigReleases, platformClient, untilUp } from "../support/deploy.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";
import { describe } from "../support/suite.ts";
import { ROOT, runTranscript } from "../support/transcript.ts";

/** v1 is there, the deploy is to be v73: 71 changes of config between them. */
const RELEASES_BEFORE = 71;

async function tellUpToV73(platform: TestPlatform): Promise<string> {
  const clone = await cloneFixture(platform, "foobaz");
  const git = async (...args: string[]): Promise<void> => {
    const result = await platform.exec("git", args, { cwd: clone });
    assert.is(result.status, 0, result.stderr);
  };
  await git("heroku", "create", "foobaz");
  await makeConfigReleases(platform, "foobaz", RELEASES_BEFORE);
  await git("push", "-q", "production", "main");
  await git("heroku", "scale", "web=2", "worker=2");
  await untilUp(platform, "foobaz", 4);
  await platformClient(platform).changeConfig("foobaz", {});
  return clone;
}

describe("story", (test) => {
  test("create, push, crash, logs, rollback, fix, config, scale, maintenance", async (t) => {
    const platform = await startPlatform(t);
    const clone = await tellUpToV73(platform);
    await runTranscript(join(ROOT, "test/transcripts/story.txt"), { cwd: clone, env: platform.env });
    await checkLedger(platform, clone);
  });
});

async function checkLedger(platform: TestPlatform, clone: string): Promise<void> {
  const repo = join(platform.home, "repos/foobaz.git");
  await checkRepository(platform, repo);
  await platform.exec("git", ["fetch", "-q", "production"], { cwd: clone });
  const log = await platform.exec("git", ["log", "--first-parent", "--format=%s", "production/releases"], {
    cwd: clone,
  });
  const subjects = log.stdout.trim().split("\n");
  assert.match(
    subjects.slice(0, 6).join("\n"),
    /^v78: Rollback to v73\nv77: Config add GREETING\nv76: Deploy [0-9a-f]{7}\nv75: Rollback to v73\nv74: Deploy [0-9a-f]{7}\nv73: Deploy [0-9a-f]{7}$/,
  );
  assert.is(subjects.at(-1), "v1: Initial release");
  const diff = await platform.exec("git", ["diff", "--stat", "production/releases~4", "production/releases~3"], {
    cwd: clone,
  });
  assert.match(diff.stdout, "code/greeting.js");
  for (const ref of ["refs/heads/releases", "refs/heroku/state", "refs/notes/releases"]) {
    const push = await platform.exec("git", ["push", "--force", "production", `HEAD:${ref}`], { cwd: clone });
    assert.is(push.status, 1);
    assert.match(push.stderr, "deny updating a hidden ref");
  }
  assert.ok((await readFile(join(repo, "config"), "utf8")).length > 0);
}
