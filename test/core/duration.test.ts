import * as assert from "uvu/assert";
import { formatAgo, formatDate, formatDuration, formatStateFor } from "../../src/core/duration.ts";
import { describe } from "../support/suite.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const NOW = Date.UTC(2026, 10, 23, 7, 19, 50, 999);

describe("duration", (test) => {
  test("counts seconds up to a minute, minutes up to an hour, then hours without end", () => {
    const cases: [number, string][] = [
      [0, "0s"],
      [999, "0s"],
      [4 * SECOND, "4s"],
      [MINUTE - 1, "59s"],
      [MINUTE, "1m"],
      [HOUR - 1, "59m"],
      [HOUR, "1h"],
      [100 * HOUR, "100h"],
    ];
    for (const [ms, text] of cases) assert.is(formatDuration(ms), text);
  });

  test("a state that began in the future began just now", () => {
    assert.is(formatStateFor("up", NOW + 5 * SECOND, NOW), "up for 0s");
    assert.is(formatStateFor("crashed", NOW - 4 * SECOND, NOW), "crashed for 4s");
  });

  test("says when in words, with one as a singular", () => {
    const cases: [number, string][] = [
      [-HOUR, "0 seconds ago"],
      [0, "0 seconds ago"],
      [SECOND, "1 second ago"],
      [4 * SECOND, "4 seconds ago"],
      [MINUTE, "1 minute ago"],
      [14 * MINUTE + 59 * SECOND, "14 minutes ago"],
      [HOUR, "1 hour ago"],
      [24 * HOUR - 1, "23 hours ago"],
    ];
    for (const [ms, text] of cases) assert.is(formatAgo(NOW - ms, NOW), text);
  });

  test("from 24 hours on says the date, in UTC", () => {
    assert.is(formatAgo(NOW - 24 * HOUR, NOW), "2026-11-22T07:19:50Z");
    assert.is(formatDate(NOW), "2026-11-23T07:19:50Z");
  });
});
