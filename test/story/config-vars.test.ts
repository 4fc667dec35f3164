/** Config vars as people keep them, in files and editors, against a real platform and the real dotenv and dotenvx. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { deployFixture, untilUp } from "../support/deploy.ts";
import { startPlatform } from "../support/platform.ts";
import { describe } from "../support/suite.ts";
import { ROOT, runTranscript } from "../support/transcript.ts";

describe("config vars", (test) => {
  test("edit, import, export, rotate-key", async (t) => {
    const platform = await startPlatform(t);
    const clone = await deployFixture(platform, "foobaz");
    await untilUp(platform, "foobaz", 1);
    const drafts = join(platform.dir, "drafts");
    await mkdir(drafts);
    const env = { ...platform.env, TMPDIR: drafts };
    await runTranscript(join(ROOT, "test/transcripts/config-vars.txt"), { cwd: clone, env });
  });
}, 120_000);
