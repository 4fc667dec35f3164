import fc from "fast-check";
import * as assert from "uvu/assert";
import { Histogram } from "../../src/core/histogram.ts";
import { describe } from "../support/suite.ts";

function histogramOf(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.add(value);
  return histogram;
}

/** By nearest rank, of all of them. */
function exactly(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

const value = fc.oneof(fc.nat(200), fc.nat(40_000), fc.nat(2 ** 31 - 1));
const SHARES = [0, 0.001, 0.5, 0.9, 0.95, 0.99, 1];

describe("histogram", (test) => {
  test("tells each percentile within 0.8 %, and exactly below 128", () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 300 }), (values) => {
        const histogram = histogramOf(values);
        for (const share of SHARES) {
          const [told, real] = [histogram.quantile(share) ?? -1, exactly(values, share)];
          if (real < 128) assert.is(told, real);
          else
            assert.ok(Math.abs(told - real) <= real * 0.008, `${String(share)}: ${String(told)} for ${String(real)}`);
        }
        assert.equal([histogram.count, histogram.max], [values.length, Math.max(...values)]);
      }),
    );
  });

  test("two halves put together are the whole", () => {
    fc.assert(
      fc.property(fc.array(value), fc.array(value), (one, other) => {
        const merged = histogramOf(one);
        merged.merge(histogramOf(other));
        const whole = histogramOf([...one, ...other]);
        for (const share of SHARES) assert.is(merged.quantile(share), whole.quantile(share));
        assert.equal([merged.count, merged.max], [whole.count, whole.max]);
      }),
    );
  });

  test("nothing has no percentiles; what is no time is the nearest one", () => {
    assert.is(new Histogram().quantile(0.5), undefined);
    assert.is(histogramOf([-5]).quantile(1), 0);
    assert.is(histogramOf([1e12]).quantile(1), 2 ** 31 - 1);
    assert.is(histogramOf([1.6]).quantile(1), 2);
  });
});
