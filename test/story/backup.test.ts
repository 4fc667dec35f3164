/** Backups and moves, as a person makes them: two platforms, real git, the built command. */
import { join } from "node:path";
import { deployFixture, must, untilUp } from "../support/deploy.ts";
import { startPlatform } from "../support/platform.ts";
import { describe } from "../support/suite.ts";
import { ROOT, runTranscript } from "../support/transcript.ts";

describe("backup", (test) => {
  test("the session: good and bad backups, a move, a mirror", async (t) => {
    const platform = await startPlatform(t);
    const other = await startPlatform(t);
    const clone = await deployFixture(platform, "foobaz");
    await must(platform, clone, "heroku", "config:add", "GREETING=hey");
    await must(platform, clone, "heroku", "scale", "web=2", "worker=1");
    await untilUp(platform, "foobaz", 3);
    const env = { ...platform.env, NEW_HOME: other.home };
    await runTranscript(join(ROOT, "test/transcripts/backup.txt"), { cwd: clone, env });
  });
}, 120_000);
