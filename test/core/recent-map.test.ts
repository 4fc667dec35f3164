import * as assert from "uvu/assert";
import { RecentMap } from "../../src/core/recent-map.ts";
import { describe } from "../support/suite.ts";

describe("recent map", (test) => {
  test("forgets what was not asked for longest", () => {
    const map = new RecentMap<string, number>(2);
    map.set("a", 1);
    map.set("b", 2);
    assert.is(map.get("a"), 1);
    map.set("c", 3);
    assert.is(map.get("b"), undefined);
    assert.is(map.get("a"), 1);
    assert.is(map.get("c"), 3);
  });

  test("keeps the value set last", () => {
    const map = new RecentMap<string, number>(2);
    map.set("a", 1);
    map.set("a", 2);
    assert.is(map.get("a"), 2);
  });
});
