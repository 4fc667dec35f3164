/** The three-way merge name by name: a table of every case, and the laws that hold for all. */
import fc from "fast-check";
import * as assert from "uvu/assert";
import { compareNames, mergeByName, type Named } from "../../src/core/three-way.ts";
import { describe } from "../support/suite.ts";

const side = (text: string | undefined): Named => new Map(text === undefined ? [] : [["A", text]]);

const show = (text: string | undefined): string => (text === undefined ? "none" : JSON.stringify(text));

/** base, ours, theirs → merged; "!" is a conflict. */
const CASES: [string | undefined, string | undefined, string | undefined, string | undefined][] = [
  [undefined, undefined, undefined, undefined],
  [undefined, "1", undefined, "1"],
  [undefined, undefined, "1", "1"],
  [undefined, "1", "1", "1"],
  [undefined, "1", "2", "!"],
  ["1", "1", "1", "1"],
  ["1", "2", "1", "2"],
  ["1", "1", "2", "2"],
  ["1", "2", "2", "2"],
  ["1", "2", "3", "!"],
  ["1", undefined, "1", undefined],
  ["1", "1", undefined, undefined],
  ["1", undefined, undefined, undefined],
  ["1", undefined, "2", "!"],
  ["1", "2", undefined, "!"],
  // An empty value is a value.
  ["", "", undefined, undefined],
  [undefined, undefined, "", ""],
];

const named = fc
  .array(fc.tuple(fc.constantFrom("A", "B", "C", "__proto__", "constructor"), fc.constantFrom("", "1", "2", "3")))
  .map((entries): Named => new Map([...entries].sort(([a], [b]) => (a < b ? -1 : 1))));

const list = (entries: Named): [string, string][] => [...entries].sort(([a], [b]) => (a < b ? -1 : 1));

describe("three-way merge", (test) => {
  for (const [base, ours, theirs, expected] of CASES) {
    test(`${[base, ours, theirs].map(show).join(", ")} gives ${expected === "!" ? "a conflict" : show(expected)}`, () => {
      const { merged, changed, conflicts } = mergeByName(side(base), side(ours), side(theirs));
      assert.equal(conflicts, expected === "!" ? ["A"] : []);
      assert.is(merged.get("A"), expected === "!" ? ours : expected);
      assert.equal(changed, merged.get("A") === ours ? [] : ["A"]);
    });
  }

  test("laws", () => {
    fc.assert(
      fc.property(named, named, named, (base, ours, theirs) => {
        const merge = mergeByName(base, ours, theirs);
        const mirror = mergeByName(base, theirs, ours);
        assert.equal(list(mergeByName(base, ours, base).merged), list(ours), "what changed nothing does nothing");
        assert.equal(list(mergeByName(base, base, theirs).merged), list(theirs), "nothing later: theirs as it is");
        assert.equal(list(mergeByName(base, ours, ours).merged), list(ours), "done already");
        assert.equal(merge.conflicts, mirror.conflicts, "a conflict is one from both sides");
        if (merge.conflicts.length === 0) assert.equal(list(merge.merged), list(mirror.merged), "no side is first");
        const { added, changed, removed } = compareNames(ours, merge.merged);
        assert.equal([...added, ...changed, ...removed].sort(), merge.changed, "exactly what is said has changed");
        for (const name of merge.conflicts) assert.is(merge.merged.get(name), ours.get(name));
      }),
    );
  });

  test("taking back and taking that back is where it began", () => {
    fc.assert(
      fc.property(named, named, named, (before, after, ours) => {
        // A release led from `before` to `after`; `ours` has come of that.
        const once = mergeByName(after, ours, before);
        if (once.conflicts.length > 0) return;
        const twice = mergeByName(once.merged, once.merged, ours);
        assert.equal(list(twice.merged), list(ours));
      }),
    );
  });
});
