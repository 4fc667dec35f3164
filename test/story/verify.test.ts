/** `releases:verify` by the hand of a user: in clones, mirrors and on the platform, with a ledger that was rewritten, and
 *  one that has moved to another platform. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import { deployFixture, makeConfigReleases, must, untilUp } from "../support/deploy.ts";
import { borrowPlatform, startPlatform } from "../support/platform.ts";
import { describe } from "../support/suite.ts";
import { ROOT, runTranscript } from "../support/transcript.ts";

describe("releases:verify", (test) => {
  const common = test.shared(startPlatform);

  test("good ledgers, mistakes, and a rewritten one", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "foobaz");
    await makeConfigReleases(platform, "foobaz", 2);
    await untilUp(platform, "foobaz", 1);
    await platform.exec("git", ["heroku", "scale", "web=2"], { cwd: clone });
    await runTranscript(join(ROOT, "test/transcripts/verify.txt"), { cwd: clone, env: platform.env });
  });

  test.long("a move with the old key is vouched for; one without it a person must accept", async (t) => {
    const [before, after] = [await borrowPlatform(t, common), await startPlatform(t)];
    const clone = await deployFixture(before, "foobaz");
    await must(before, clone, "heroku", "releases:verify", "--fetch");
    const backup = join(before.dir, "foobaz.backup");
    await must(before, clone, "heroku", "backup", "--output", backup, "--plain");
    const run = (...words: string[]) => after.exec("git", ["heroku", ...words], { cwd: clone });
    assert.is((await run("restore", backup, "--name", "vouched", "--remote", "vouched")).status, 0);
    await run("scale", "web=2", "--app", "vouched");
    assert.is((await run("config:add", "A=1", "--app", "vouched")).status, 0);
    const vouched = await run("releases:verify", "--fetch", "--remote", "vouched");
    assert.match(vouched.stdout, /done, 3 releases, v1 to v3, signed by SHA256:\S+, from v3 on by SHA256:\S+\n$/);

    const keys = join(before.home, "keys/foobaz.keys");
    const repo = join(before.home, "repos/foobaz.git");
    assert.is((await run("restore", repo, "--keys", keys, "--name", "adopted", "--remote", "adopted")).status, 0);
    // Signed by a key that the ledger does not name yet; the platform knows that it is its own.
    await run("scale", "web=2", "--app", "adopted");
    assert.is((await run("releases:verify", "--server", "--app", "adopted")).status, 0);
    assert.is((await run("config:add", "A=1", "--app", "adopted")).status, 0);
    assert.is((await run("releases:verify", "--server", "--app", "adopted")).status, 0);
    const refused = await run("releases:verify", "--fetch", "--remote", "adopted");
    assert.is(refused.status, 1);
    assert.match(refused.stderr, "v3: It hands over to the key SHA256:");
    const [, key = ""] = /--trust-key (SHA256:\S+)/.exec(refused.stderr) ?? [];
    assert.is((await run("releases:verify", "--remote", "adopted", "--trust-key", key)).status, 0);
    assert.is((await run("releases:verify", "--remote", "adopted")).status, 0);
  });
});
