/** What a person who pushes reads at each step, when it goes well and when it does not. */
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { cloneFixture, must } from "../support/deploy.ts";
import { startPlatform } from "../support/platform.ts";
import { describe } from "../support/suite.ts";
import { ROOT, runTranscript } from "../support/transcript.ts";

describe("pipeline", (test) => {
  test("each step, good and bad", async (t) => {
    const platform = await startPlatform(t);
    const clone = await cloneFixture(platform, "silent", "foobaz");
    await must(platform, clone, "heroku", "create", "foobaz");
    await cp(join(ROOT, "fixtures/buildpacks/steps"), join(platform.dir, "packs/steps"), { recursive: true });
    await runTranscript(join(ROOT, "test/transcripts/pipeline.txt"), { cwd: clone, env: platform.env });
  });
});
