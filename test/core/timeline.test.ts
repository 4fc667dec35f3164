import fc from "fast-check";
import * as assert from "uvu/assert";
import { parseInterval, parseStatsBy } from "../../src/core/log-stats.ts";
import { sparkline } from "../../src/core/sparkline.ts";
import { addTo, Timeline } from "../../src/core/timeline.ts";
import { rejects } from "../support/assert.ts";
import { describe } from "../support/suite.ts";

const MINUTE = 60_000_000;

describe("timeline", (test) => {
  test("nothing is lost or moved when intervals grow", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(400 * 24 * 60), { minLength: 1, maxLength: 60 }), (minutes) => {
        const timeline = new Timeline(undefined);
        const series = timeline.newSeries();
        const times = minutes.toSorted((a, b) => a - b).map((minute) => minute * MINUTE + 7);
        for (const us of times) addTo(series, timeline.slotOf(us), 1);
        const { fromUs, toUs } = timeline.range ?? { fromUs: 0, toUs: 0 };
        const counts = timeline.fill(series);
        assert.ok(counts.length <= 120);
        assert.is(counts.length, (toUs - fromUs) / timeline.stepUs);
        for (const [slot, count] of counts.entries()) {
          const from = fromUs + slot * timeline.stepUs;
          assert.is(count, times.filter((us) => us >= from && us < from + timeline.stepUs).length);
        }
      }),
    );
  });

  test("a length that was asked for stays, and has its limit", async () => {
    const timeline = new Timeline(5 * MINUTE);
    assert.is(timeline.range, undefined);
    assert.is(timeline.slotOf(7 * MINUTE), 0);
    assert.is(timeline.slotOf(5000 * MINUTE), 999);
    assert.is(timeline.slotOf(MINUTE), 0);
    assert.equal(timeline.range, { fromUs: 5 * MINUTE, toUs: 5005 * MINUTE });
    assert.match(String(await rejects((async () => timeline.slotOf(30_000 * MINUTE))())), "more than 4000 intervals");
  });

  test("intervals and groupings as people write them", () => {
    assert.equal(["1m", "5m", "1h", "2d"].map(parseInterval), [1, 5, 60, 2880]);
    for (const text of ["", "0m", "5s", "1w", "5", "99999d", "m"])
      assert.throws(() => parseInterval(text), /is no interval/);
    assert.is(parseStatsBy("path"), "path");
    assert.throws(() => parseStatsBy("colour"), /cannot be grouped by "colour"/);
  });
});

describe("sparkline", (test) => {
  const TABLE: [values: number[], width: number, unicode: boolean, expected: string][] = [
    [[], 10, true, ""],
    [[0, 0], 10, true, "  "],
    [[1, 2, 3, 4, 5, 6, 7, 8], 10, true, "▁▂▃▄▅▆▇█"],
    [[1, 2, 3, 4, 5, 6, 7, 8], 10, false, "_.:-=+*#"],
    [[1, 0, 1000], 10, true, "▁ █"],
    [[5, 5, 5], 10, true, "███"],
    [[1, 1, 1, 1, 8], 3, true, "▂▂█"],
  ];
  for (const [values, width, unicode, expected] of TABLE)
    test(`${values.join(" ")} in ${String(width)}${unicode ? "" : ", plain"}`, () =>
      assert.is(sparkline(values, { width, unicode }), expected));
});
