/** Counts by rollups against those of a counter that reads every line. */
import { mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import * as assert from "uvu/assert";
import { formatLogLine, formatStamp, type LogLine } from "../../src/core/log-line.ts";
import { ReleaseTracker } from "../../src/core/release-tracker.ts";
import { segmentName } from "../../src/logs/segment-files.ts";
import { StatsCounter } from "../../src/logs/stats.ts";
import { countLogs, type StatsRequest } from "../../src/platform/analyse-logs.ts";
import { openStore } from "../logs/open-store.ts";
import { describe } from "../support/suite.ts";
import type { TestContext } from "../support/suite.ts";

const BEGIN_US = Date.UTC(2011, 5, 20, 9) * 1000 + 17_000_001;
const LINES = 3_000;
const SECOND_US = 1_000_000;
const NEVER = new AbortController().signal;

function lineAt(us: number, n: number): LogLine {
  const ts = formatStamp(us);
  if (n % 3 === 0) {
    const msg = `at=info method=GET path="/${String(n % 7)}" dyno=web.1 connect=0ms service=${String(n % 90)}ms status=${n % 11 === 0 ? "500" : "200"} bytes=1`;
    return { ts, ps: "router", source: "heroku", msg };
  }
  const level = (["error", "info", undefined] as const)[n % 5];
  return {
    ts,
    ps: `web.${String(n % 13)}`,
    source: "app",
    ...(level !== undefined && { level }),
    msg: `line ${String(n)}`,
  };
}

/** Minutes that go over the ends of segments, and gaps. */
async function openFilled(t: TestContext): Promise<Awaited<ReturnType<typeof openStore>>> {
  const dir = await t.tempDir();
  await mkdir(join(dir, "logs"));
  let us = BEGIN_US;
  for (let n = 0; n < LINES;) {
    const path = join(dir, "logs", segmentName(us));
    const lines: string[] = [];
    for (const end = n + LINES / 5; n < end; n += 1) {
      lines.push(`${formatLogLine(lineAt(us, n))}\n`);
      us += n % 100 === 0 ? 400 * SECOND_US : (n % 7) * 100_003;
    }
    await writeFile(path, lines.join(""));
    await utimes(path, 1, 1);
  }
  const store = await openStore(t, dir, { careBytesMin: 1 });
  await store.caredFor();
  assert.is((await readdir(join(dir, "logs"))).filter((name) => name.endsWith(".min")).length, 4);
  return store;
}

describe("stats of a log", (test) => {
  test("by rollups are what they are by lines, whatever the time and the interval", async (t) => {
    const logs = await openFilled(t);
    const moment = fc.option(
      fc.integer({ min: -100, max: 3_000 }).map((seconds) => BEGIN_US - 17_000_001 + seconds * 5 * SECOND_US),
      { nil: undefined },
    );
    const request = fc.record({
      by: fc.constantFrom("ps" as const, "level" as const, undefined),
      everyMinutes: fc.constantFrom(1, 5, 60, undefined),
      sinceUs: fc.oneof(moment, fc.constant(BEGIN_US + 1)),
      untilUs: fc.oneof(moment, fc.constant(BEGIN_US + 1_000_000_007)),
    });
    const isSame = async (asked: StatsRequest): Promise<void> => {
      const counter = new StatsCounter(asked, new ReleaseTracker());
      const { sinceUs, untilUs } = asked;
      for await (const lines of logs.read({ sinceUs, untilUs }, NEVER)) counter.add(lines);
      const counted = await countLogs({ app: undefined, logs, isImported: false }, asked, NEVER);
      assert.equal(counted, counter.result());
    };
    await fc.assert(fc.asyncProperty(request, isSame), { numRuns: 60 });
  });
});
