/** The session of a person who makes an app as its app.json says, and what kill -9 leaves of that. */
import { join } from "node:path";
import { cloneFixture } from "../support/deploy.ts";
import { borrowPlatform, startPlatform } from "../support/platform.ts";
import { describe } from "../support/suite.ts";
import { ROOT, runTranscript } from "../support/transcript.ts";
import { killDuringSetup } from "./kill-lab.ts";

describe("app.json", (test) => {
  const common = test.shared(startPlatform);

  test("a session", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await cloneFixture(platform, "seeded");
    await runTranscript(join(ROOT, "test/transcripts/app-json.txt"), { cwd: clone, env: platform.env });
  });

  test("kill -9 of the daemon", async (t) => {
    await killDuringSetup(await borrowPlatform(t, common), ["the command starts"]);
  });
});
