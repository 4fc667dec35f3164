import * as assert from "uvu/assert";
import { AppError } from "../../src/core/error.ts";
import { formatStamp, parseStamp } from "../../src/core/log-line.ts";
import { parseTimePoint } from "../../src/core/time-point.ts";
import { describe } from "../support/suite.ts";

const NOW = Date.UTC(2011, 5, 19, 10, 30, 15, 250);

function stampOf(text: string, zoneMinutes = 0): string {
  const point = parseTimePoint(text, { now: NOW, zoneMinutes });
  if (point.kind !== "moment") throw new Error(`${text} is a release`);
  return formatStamp(point.us);
}

/** What is written → the moment in UTC. */
const MOMENTS: Record<string, string> = {
  "2011-06-19T08:35:19Z": "2011-06-19T08:35:19.000000Z",
  "2011-06-19T08:35:19.123456Z": "2011-06-19T08:35:19.123456Z",
  "2011-06-19t08:35:19.5z": "2011-06-19T08:35:19.500000Z",
  "2011-06-19T08:35:19.123456789Z": "2011-06-19T08:35:19.123456Z",
  "2011-06-19T08:35:19+02:00": "2011-06-19T06:35:19.000000Z",
  "2011-06-19 08:35:19 -0730": "2011-06-19T16:05:19.000000Z",
  "2011-06-19 08:35": "2011-06-19T08:35:00.000000Z",
  "2011-06-19": "2011-06-19T00:00:00.000000Z",
  "2012-02-29": "2012-02-29T00:00:00.000000Z",
  now: "2011-06-19T10:30:15.250000Z",
  "10m": "2011-06-19T10:20:15.250000Z",
  "90s": "2011-06-19T10:28:45.250000Z",
  "1h30m": "2011-06-19T09:00:15.250000Z",
  "2 hours ago": "2011-06-19T08:30:15.250000Z",
  "1 day 2 hours ago": "2011-06-18T08:30:15.250000Z",
  "an hour ago": "2011-06-19T09:30:15.250000Z",
  "a week ago": "2011-06-12T10:30:15.250000Z",
  "  3 Min ": "2011-06-19T10:27:15.250000Z",
  "2w": "2011-06-05T10:30:15.250000Z",
  "999999999w": "1970-01-01T00:00:00.000000Z",
  today: "2011-06-19T00:00:00.000000Z",
  "today 09:05": "2011-06-19T09:05:00.000000Z",
  yesterday: "2011-06-18T00:00:00.000000Z",
  "yesterday 14:00": "2011-06-18T14:00:00.000000Z",
  "yesterday at 14:00:01.5": "2011-06-18T14:00:01.500000Z",
  "09:00": "2011-06-19T09:00:00.000000Z",
  "9:00": "2011-06-19T09:00:00.000000Z",
  "23:50": "2011-06-18T23:50:00.000000Z",
  "today 23:50": "2011-06-19T23:50:00.000000Z",
};

const NO_TIMES = [
  "",
  " ",
  "nosuch",
  "10",
  "10x",
  "-10m",
  "10m ahead",
  "ago",
  "24:00",
  "12:60",
  "12:00:60",
  "2011-02-30",
  "2011-13-01",
  "2011-06-19T",
  "2011-06-19T08:35:19+25:00",
  "yesterday 25:00",
  "tomorrow",
  "yesterday14:00",
  "v0",
  "v",
  "v1.2",
  `${"1m ".repeat(20)}!`,
];

describe("time point", (test) => {
  test("moments", () => {
    for (const [text, stamp] of Object.entries(MOMENTS)) assert.is(stampOf(text), stamp, text);
  });

  test("what names no zone is in the one that is handed in", () => {
    assert.is(stampOf("2011-06-19 08:35", 120), "2011-06-19T06:35:00.000000Z");
    assert.is(stampOf("2011-06-19 08:35Z", 120), "2011-06-19T08:35:00.000000Z");
    assert.is(stampOf("today", 120), "2011-06-18T22:00:00.000000Z");
    assert.is(stampOf("today", -660), "2011-06-18T11:00:00.000000Z");
    assert.is(stampOf("12:00", 120), "2011-06-19T10:00:00.000000Z");
    assert.is(stampOf("13:00", 120), "2011-06-18T11:00:00.000000Z");
    assert.is(stampOf("10m", 120), stampOf("10m"));
  });

  test("a release", () => {
    for (const text of ["v74", "V74", " v74 "])
      assert.equal(parseTimePoint(text, { now: NOW, zoneMinutes: 0 }), { kind: "release", version: 74 });
  });

  test("reads every stamp back", () => {
    for (const us of [0, 1, 1_308_472_519_123_456]) {
      const stamp = formatStamp(us);
      assert.is(stampOf(stamp), stamp);
      assert.is(parseStamp(stampOf(stamp)), us);
    }
  });

  test("everything else is refused, with how it is written", () => {
    for (const text of NO_TIMES) {
      try {
        stampOf(text);
      } catch (error) {
        assert.instance(error, AppError, text);
        assert.is((error as AppError).id, "invalid_params", text);
        assert.match((error as AppError).hint ?? "", "10m");
        continue;
      }
      assert.unreachable(`${JSON.stringify(text)} was taken for a time`);
    }
  });

  test("a long text that is nearly a time takes no time", () => {
    const begin = process.cpuUsage();
    for (const text of ["1m".repeat(5000), `${"a a ".repeat(5000)}x`, "1 ".repeat(5000)]) {
      try {
        stampOf(text);
      } catch (error) {
        assert.instance(error, AppError);
      }
    }
    assert.ok(process.cpuUsage(begin).user < 1_000_000);
  });
});
