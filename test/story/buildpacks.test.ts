/** The session of a person who chooses what an app is built with. */
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { deployFixture } from "../support/deploy.ts";
import { startPlatform } from "../support/platform.ts";
import { describe } from "../support/suite.ts";
import { ROOT, runTranscript } from "../support/transcript.ts";

describe("buildpacks", (test) => {
  test("set, add, remove, clear, and pushes that are built with them", async (t) => {
    const platform = await startPlatform(t);
    const clone = await deployFixture(platform, "silent", "foobaz");
    await cp(join(ROOT, "fixtures/buildpacks/pages"), join(platform.dir, "packs/pages"), { recursive: true });
    await runTranscript(join(ROOT, "test/transcripts/buildpacks.txt"), { cwd: clone, env: platform.env });
  });
});
