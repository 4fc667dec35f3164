/** The search for the first bad release. */
import fc from "fast-check";
import * as assert from "uvu/assert";
import { nextBisectStep, probesFor, type BisectStep, type Candidate, type Verdict } from "../../src/core/bisect.ts";
import { describe } from "../support/suite.ts";

/** Releases v1, v2 … with these trees. */
function releases(...trees: string[]): Candidate[] {
  return trees.map((tree, index) => ({ version: index + 1, tree }));
}

function step(candidates: Candidate[], verdicts: Record<string, Verdict>, trusting = true): BisectStep {
  return nextBisectStep(candidates, new Map(Object.entries(verdicts)), trusting);
}

interface Search {
  result: BisectStep;
  probed: number[];
}

/** Goes on to the result, with what the judge says of each release. */
function searchAll(candidates: Candidate[], judge: (candidate: Candidate) => Verdict, trusting: boolean): Search {
  const verdicts = new Map<string, Verdict>();
  const probed: number[] = [];
  for (;;) {
    const next = nextBisectStep(candidates, verdicts, trusting);
    if (next.kind !== "probe" && next.kind !== "check") return { result: next, probed };
    const candidate = candidates.find(({ version }) => version === next.version);
    if (candidate === undefined) throw new Error(`v${String(next.version)} is none of them`);
    assert.not(verdicts.has(candidate.tree), "probed twice");
    probed.push(next.version);
    verdicts.set(candidate.tree, judge(candidate));
  }
}

describe("bisect", (test) => {
  test("tries the ends first, unless they are to be trusted", () => {
    const four = releases("a", "b", "c", "d");
    assert.equal(step(four, {}, false), { kind: "check", version: 1, expected: "good" });
    assert.equal(step(four, { a: "good" }, false), { kind: "check", version: 4, expected: "bad" });
    assert.equal(step(four, { a: "good", d: "bad" }, false), { kind: "probe", version: 2, left: 1, steps: 1 });
    assert.equal(step(four, {}, true), { kind: "probe", version: 2, left: 1, steps: 1 });
  });

  test("an end that is not what it was called ends the search", () => {
    const three = releases("a", "b", "c");
    assert.equal(step(three, { a: "bad" }, false), {
      kind: "refuted",
      version: 1,
      expected: "good",
      verdict: "bad",
    });
    assert.equal(step(three, { a: "good", c: "skip" }, false), {
      kind: "refuted",
      version: 3,
      expected: "bad",
      verdict: "skip",
    });
  });

  test("neighbours need no probe", () => {
    assert.equal(step(releases("a", "b"), {}), { kind: "found", version: 2, before: 1 });
  });

  test("finds the first bad one, and which one came before", () => {
    const five = releases("a", "b", "c", "d", "e");
    assert.equal(step(five, { c: "good", d: "bad" }), { kind: "found", version: 4, before: 3 });
    assert.equal(step(five, { c: "good" }), { kind: "probe", version: 4, left: 0, steps: 0 });
  });

  test("what was skipped in between leaves it open", () => {
    const five = releases("a", "b", "c", "d", "e");
    assert.equal(step(five, { b: "good", c: "skip", d: "skip" }), {
      kind: "undecided",
      versions: [3, 4, 5],
      before: 2,
    });
    assert.equal(step(five, { b: "bad", c: "skip" }), { kind: "found", version: 2, before: 1 });
  });

  test("an exact copy of a release that was tried is not tried", () => {
    // v4 is a rollback to v2.
    const six = releases("a", "b", "c", "b", "e", "f");
    assert.equal(step(six, { b: "good" }), { kind: "probe", version: 5, left: 0, steps: 0 });
    assert.equal(step(six, { b: "bad" }), { kind: "found", version: 2, before: 1 });
  });

  test("of several changes to bad it finds the latest that is left open", () => {
    // v3 broke it, v4 went back to v2, v5 broke it again.
    const five = releases("a", "b", "c", "b", "c");
    assert.equal(step(five, { b: "good" }), { kind: "found", version: 5, before: 4 });
  });

  test("two ends that are the same are a bug of the caller", () => {
    assert.throws(() => step(releases("a", "b", "a"), {}), /two different ends/);
    assert.throws(() => step(releases("a"), {}), /two different ends/);
  });

  test("counts what is left as git does", () => {
    const ledger = releases(...Array.from({ length: 27 }, (_, index) => `t${String(index)}`));
    assert.equal(step(ledger, {}), { kind: "probe", version: 14, left: 12, steps: 4 });
    assert.equal([0, 1, 2, 3, 4, 25].map(probesFor), [0, 1, 2, 2, 3, 5]);
  });

  test("always finds the first bad one, in no more than log2 n probes and the skips", () => {
    fc.assert(
      fc.property(
        fc
          .integer({ min: 2, max: 300 })
          .chain((count) =>
            fc.tuple(
              fc.constant(count),
              fc.integer({ min: 2, max: count }),
              fc.uniqueArray(fc.integer({ min: 2, max: Math.max(2, count - 1) }), { maxLength: 40 }),
              fc.boolean(),
            ),
          ),
        ([count, firstBad, skipped, trusting]) => {
          const ledger = releases(...Array.from({ length: count }, (_, index) => `t${String(index)}`));
          const skips = new Set(skipped.filter((version) => version < count));
          const judge = ({ version }: Candidate): Verdict =>
            skips.has(version) ? "skip" : version >= firstBad ? "bad" : "good";
          const { result, probed } = searchAll(ledger, judge, trusting);
          const met = probed.filter((version) => skips.has(version)).length;
          const most = Math.ceil(Math.log2(count - 1)) + met + (trusting ? 0 : 2);
          assert.ok(probed.length <= most, `${String(probed.length)} probes for ${String(count)}`);
          if (result.kind === "found") assert.is(result.version, firstBad);
          else if (result.kind === "undecided") assert.ok(result.versions.includes(firstBad));
          else assert.unreachable(result.kind);
          // Undecided only for skips right before the culprit, or the culprit itself.
          if (result.kind === "undecided") assert.ok(skips.has(firstBad) || skips.has(firstBad - 1));
        },
      ),
    );
  });

  test("with copies in any order it ends at a change from good to bad, and tries no tree twice", () => {
    const tree = fc.integer({ min: 0, max: 12 });
    fc.assert(
      fc.property(
        fc.array(tree, { minLength: 2, maxLength: 60 }),
        fc.array(fc.boolean(), { minLength: 13, maxLength: 13 }),
        (trees, isBad) => {
          // The ends are good and bad for certain.
          const ledger = releases("good", ...trees.map(String), "bad");
          const judge = ({ tree }: Candidate): Verdict =>
            tree === "good" || (tree !== "bad" && isBad[Number(tree)] !== true) ? "good" : "bad";
          const { result } = searchAll(ledger, judge, false);
          if (result.kind !== "found") return assert.unreachable(result.kind);
          const [before, found] = [ledger[result.before - 1], ledger[result.version - 1]];
          if (before === undefined || found === undefined) return assert.unreachable();
          assert.equal([result.version - result.before, judge(before), judge(found)], [1, "good", "bad"]);
        },
      ),
    );
  });
});
