import * as assert from "uvu/assert";
import fc from "fast-check";
import {
  describeConfigChange,
  describeDeploy,
  describeRollback,
  formatVersion,
  parseVersion,
} from "../../src/core/release.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";

const names = fc.uniqueArray(fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,150}$/), { minLength: 1, maxLength: 30 });

describe("release", (test) => {
  test("versions are read with and without their v", async () => {
    for (const text of ["v73", "V73", "73"]) assert.is(parseVersion(text), 73);
    assert.is(parseVersion(formatVersion(999_999_999)), 999_999_999);
    for (const text of ["", "v", "0", "v0", "-1", "+1", "1.5", "v 1", "73\n", "1e3", "10000000000", "current"])
      await refuses("invalid_params", () => parseVersion(text));
  });

  test("descriptions", () => {
    assert.is(describeDeploy("20a57428e0"), "Deploy 20a5742");
    assert.is(describeRollback(73), "Rollback to v73");
    assert.is(describeConfigChange(["FOO"], []), "Config add FOO");
    assert.is(describeConfigChange([], ["FOO", "BAR"]), "Config remove BAR, FOO");
    assert.is(describeConfigChange(["B"], ["C", "A"]), "Config change A, B, C");
  });

  test("a list of exactly 100 bytes is whole, one of 101 is cut", () => {
    const [a, b] = ["A".repeat(49), "B".repeat(49)];
    assert.is(describeConfigChange([a, b], []), `Config add ${a}, ${b}`);
    assert.is(describeConfigChange([a, `${b}B`], []), `Config add ${a}, … (2 names)`);
    const long = "L".repeat(120);
    assert.is(describeConfigChange([long], []), `Config add ${"L".repeat(100)}…`);
    assert.is(describeConfigChange([long, "M"], []), `Config add ${"L".repeat(100)}…, … (2 names)`);
  });

  test("however many there are, the list keeps whole names up to 100 bytes and tells the count", () => {
    fc.assert(
      fc.property(names, (added) => {
        const list = describeConfigChange(added, []).slice("Config add ".length);
        const sorted = added.toSorted();
        if (sorted.join(", ").length <= 100) return assert.is(list, sorted.join(", "));
        const [, kept = ""] = /^(.*?)(?:, … \((\d+) names\))?$/s.exec(list) ?? [];
        assert.ok(kept.replace(/…$/, "").length <= 100, list);
        if (added.length > 1) assert.ok(list.endsWith(`, … (${String(added.length)} names)`), list);
        if (!kept.endsWith("…")) assert.equal(kept.split(", "), sorted.slice(0, kept.split(", ").length));
      }),
    );
  });
});
