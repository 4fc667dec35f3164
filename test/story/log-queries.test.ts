/** The filters of `logs` on a recorded log, as a user would ask; and the same log after the app was destroyed. */
import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { parseLogLine, formatLogLine } from "../../src/core/log-line.ts";
import { must } from "../support/deploy.ts";
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

  test("by process, time, release, level, text and pattern; with context; from the trash", async (t) => {
    const platform = await startPlatform(t);
    await must(platform, platform.dir, "init", "-q", "-b", "main", "foobaz");
    const clone = join(platform.dir, "foobaz");
    await must(platform, clone, "heroku", "create", "foobaz");
    await must(platform, clone, "heroku", "server:stop");
    await copyFile(join(ROOT, "fixtures/logs", RECORDED), join(platform.home, "apps/foobaz/logs", RECORDED));
    await platform.wake();
    await runTranscript(join(ROOT, "test/transcripts/logs.txt"), { cwd: clone, env: platform.env });
  });
}, 120_000);
