import * as assert from "uvu/assert";
import { TokenBucket } from "../../src/core/token-bucket.ts";
import { describe } from "../support/suite.ts";

const HOUR_MS = 3_600_000;

describe("token bucket", (test) => {
  test("all at once, then evenly as they come back, and never more than it holds", () => {
    const bucket = new TokenBucket({ capacity: 4500, perSecond: 1.25 }, 0);
    bucket.take(4500);
    assert.is(bucket.count(0), 0);
    assert.is(bucket.waitMs(0, 1), 800);
    assert.is(bucket.count(60_000), 75);
    assert.is(bucket.waitMs(60_000, 1), 0);
    bucket.take(76);
    assert.is(bucket.waitMs(60_000, 0), 800);
    assert.is(bucket.count(3 * HOUR_MS), 4500);
  });

  test("a clock that was set back brings nothing, and takes nothing", () => {
    const bucket = new TokenBucket({ capacity: 10, perSecond: 1 }, 10_000);
    bucket.take(10);
    assert.is(bucket.count(5_000), 0);
    assert.is(bucket.count(6_000), 1);
  });
});
