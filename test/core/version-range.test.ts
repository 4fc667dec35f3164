/** The ranges that package.json's `engines` may have. */
import * as assert from "uvu/assert";
import { isWithin, parseRelease } from "../../src/core/version-range.ts";
import { describe } from "../support/suite.ts";

const CASES: readonly [range: string, within: string, outside: string][] = [
  ["20", "20.0.0 20.19.5", "19.9.9 21.0.0"],
  ["20.x", "20.0.0 20.99.0", "21.0.0"],
  ["20.11", "20.11.0 20.11.9", "20.12.0"],
  ["20.11.1", "20.11.1", "20.11.2 20.11.0"],
  ["v20.11.1", "20.11.1", "20.11.2"],
  ["=18.1.0", "18.1.0", "18.1.1"],
  [">=18", "18.0.0 24.0.0", "17.9.9"],
  [">= 18.2", "18.2.0 24.0.0", "18.1.9"],
  [">18", "19.0.0", "18.0.0 18.9.9"],
  [">18.2.1", "18.2.2", "18.2.1"],
  ["<21", "20.99.99", "21.0.0"],
  ["<=20", "20.99.99 1.0.0", "21.0.0"],
  [">=18 <21", "18.0.0 20.9.9", "17.0.0 21.0.0"],
  ["^18.2.0", "18.2.0 18.9.0", "18.1.0 19.0.0"],
  ["^0.12.1", "0.12.1 0.12.9", "0.13.0 0.12.0"],
  ["^0.0.3", "0.0.3", "0.0.4"],
  ["^18", "18.0.0 18.9.9", "19.0.0"],
  ["~18.2", "18.2.0 18.2.9", "18.3.0"],
  ["~18.2.3", "18.2.3 18.2.9", "18.2.2 18.3.0"],
  ["~18", "18.9.9", "19.0.0"],
  ["18 || 20", "18.5.0 20.1.0", "19.0.0"],
  ["^18.17.0 || >=20.5.0", "18.20.0 20.5.0 22.0.0", "18.16.0 20.4.0"],
  ["16 - 18", "16.0.0 18.9.9", "15.9.9 19.0.0"],
  ["16.2 - 18.1.1", "16.2.0 18.1.1", "18.1.2 16.1.0"],
  ["*", "0.0.1 99.0.0", ""],
  ["x", "0.0.1 99.0.0", ""],
];

function verdicts(texts: string, range: string): unknown[] {
  const versions = texts.split(" ").filter((text) => text !== "");
  return versions.map((text) => isWithin(parseRelease(text) ?? [0, 0, 0], range));
}

describe("version ranges", (test) => {
  for (const [range, within, outside] of CASES) {
    test(`${range} has ${within}${outside === "" ? "" : `, not ${outside}`}`, () => {
      assert.ok(verdicts(within, range).every((verdict) => verdict === true));
      assert.ok(verdicts(outside, range).every((verdict) => verdict === false));
    });
  }

  test("what is no range of releases is not understood", () => {
    for (const range of ["lts/*", "latest", "node 20", "20..1", ">=a", "1.2.3.4", "18 || nonsense"]) {
      assert.is(isWithin([20, 0, 0], range), undefined, range);
    }
    for (const text of ["20", "20.1", "system", "20.1.0-rc.1", ""]) assert.is(parseRelease(text), undefined, text);
    assert.equal(parseRelease("v20.1.0\n"), [20, 1, 0]);
  });
});
