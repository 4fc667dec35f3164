/** Which slugs may go. */
import * as assert from "uvu/assert";
import { goodbyes, isRecent, spareSlugs, type SlugUse } from "../../src/core/slug-retention.ts";
import { describe } from "../support/suite.ts";

const HOUR = 3_600_000;
const NOW = 100 * 24 * HOUR;
const use = (version: number, ...slugs: string[]): SlugUse => ({ version, createdAt: 0, slugs });

describe("slug retention", (test) => {
  test("what is needed, new or cannot be had again stays", () => {
    const old = { usedAt: NOW - 2 * HOUR };
    const slugs = [
      { id: "of a recent release", locked: true, ...old },
      { id: "runs", locked: true, ...old },
      { id: "new", locked: true, usedAt: NOW - HOUR / 2 },
      { id: "old", locked: true, ...old },
      { id: "old, not locked", locked: false, ...old },
      { id: "of no release", locked: false, ...old },
    ];
    const spare = spareSlugs(slugs, { recent: [use(9, "of a recent release")], running: [use(3, "runs")], now: NOW });
    const all = [use(9, "of a recent release"), use(4, "old"), use(3, "runs"), use(2, "old, not locked")];
    assert.equal(goodbyes(spare, all), ["old", "of no release"]);
  });

  test("recent is one of the newest, or a young one", () => {
    const rule = { releases: 20, ageMsMax: 30 * 24 * HOUR };
    const cases: [place: number, days: number, expected: boolean][] = [
      [19, 90, true],
      [20, 90, false],
      [20, 29, true],
      [5_000, 31, false],
    ];
    for (const [place, days, expected] of cases) {
      assert.is(isRecent(place, NOW - days * 24 * HOUR, NOW, rule), expected, `${String(place)} ${String(days)}`);
    }
    assert.is(isRecent(10_000, 0, NOW, { ...rule, ageMsMax: Number.POSITIVE_INFINITY }), true);
  });
});
