/** `releases:verify` by the hand of a user: in clones, mirrors and on the platform, with a ledger that was rewritten. */
import { join } from "node:path";
import { deployFixture, makeConfigReleases, untilUp } from "../support/deploy.ts";
import { startPlatform } from "../support/platform.ts";
import { describe } from "../support/suite.ts";
import { ROOT, runTranscript } from "../support/transcript.ts";

describe("releases:verify", (test) => {
  test("good ledgers, mistakes, and a rewritten one", async (t) => {
    const platform = await startPlatform(t);
    const clone = await deployFixture(platform, "foobaz");
    await makeConfigReleases(platform, "foobaz", 2);
    await untilUp(platform, "foobaz", 1);
    await platform.exec("git", ["heroku", "scale", "web=2"], { cwd: clone });
    await runTranscript(join(ROOT, "test/transcripts/verify.txt"), { cwd: clone, env: platform.env });
  });
}, 120_000);
