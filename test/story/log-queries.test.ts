/** The filters of `logs` on a recorded log, as a user would ask, and the same log after the app was destroyed; what a larger
 *  one comes to, and its way out and in. */
import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { parseLogLine, formatLogLine } from "../../src/core/log-line.ts";
import { must } from "../support/deploy.ts";
import { CORPUS } from "../support/log-corpus.ts";
import { startPlatform } from "../support/platform.ts";
import { describe } from "../support/suite.ts";
import { ROOT, runTranscript } from "../support/transcript.ts";

const RECORDED = "20110619T083000.000117Z.ndjson";

describe("log queries", (test) => {
  test("the recorded log is stored as we store", async () => {
    const text = await readFile(join(ROOT, "fixtures/logs", RECORDED), "utf8");
    const lines = text.split("\n").slice(0, -1);
    assert.equal(
      lines.map((line) => formatLogLine(parseLogLine(line))),
      lines,
    );
  });

  test("by process, time, release, level, text and pattern; with context; from the trash; counted and copied", async (t) => {
    const platform = await startPlatform(t);
    for (const app of ["foobaz", "shop"]) {
      await must(platform, platform.dir, "init", "-q", "-b", "main", app);
      await must(platform, join(platform.dir, app), "heroku", "create", app);
    }
    await must(platform, platform.dir, "heroku", "server:stop");
    await copyFile(join(ROOT, "fixtures/logs", RECORDED), join(platform.home, "apps/foobaz/logs", RECORDED));
    await copyFile(join(ROOT, "fixtures/logs", CORPUS), join(platform.home, "apps/shop/logs", CORPUS));
    await copyFile(join(ROOT, "fixtures/logs", CORPUS), join(platform.dir, "corpus.ndjson"));
    await platform.wake();
    for (const [app, transcript] of [
      ["shop", "logs-corpus"],
      ["foobaz", "logs"],
    ] as const) {
      const stage = { cwd: join(platform.dir, app), env: platform.env };
      await runTranscript(join(ROOT, "test/transcripts", `${transcript}.txt`), stage);
    }
  });
});
