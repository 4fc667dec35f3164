/** A bisection on disk, and what the end of a probe means. */
import * as assert from "uvu/assert";
import { formatBisect, judgeProbe, parseBisect, withoutProbe, withVerdict } from "../../src/core/bisect-record.ts";
import { checkEnds, candidatesOf } from "../../src/core/bisect-range.ts";
import type { Release } from "../../src/core/release.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";

const RECORD = {
  command: "npm test",
  good: 2,
  bad: 9,
  goodOid: "a".repeat(40),
  badOid: "b".repeat(40),
  timeoutMs: 600_000,
  trusting: false,
  verdicts: [{ version: 2, tree: "c".repeat(40), verdict: "good", reason: "exit status 0" }],
  probe: { version: 5, tree: "d".repeat(40), id: "7ffc8cfe-1ec4-414f-84b7-2af5d13b4266" },
} as const;

function release(version: number, more: Partial<Release> = {}): Release {
  return {
    version,
    oid: `oid-${String(version)}`,
    tree: `tree-${String(version)}`,
    parent: undefined,
    code: "c0de",
    change: "config",
    description: "Config add A",
    status: "succeeded",
    via: "local",
    by: { name: "Ned", email: "ned@foobazco.com" },
    createdAt: 0,
    rollbackTo: undefined,
    ledgerKey: undefined,
    ...more,
  };
}

function verdictOf(status: number, hasRunOut = false): string {
  return judgeProbe({ status, hasRunOut }, 5000).verdict;
}

describe("bisect record", (test) => {
  test("is read back as it was", () => {
    assert.equal(parseBisect(formatBisect(RECORD)), RECORD);
    const { probe: _probe, ...rest } = RECORD;
    assert.equal(parseBisect(formatBisect(rest)), rest);
  });

  test("refuses what is no bisection of this version", async () => {
    const texts = ["", "{", "[]", "null", "{}", formatBisect(RECORD).replace('"format": 1', '"format": 2')];
    const damaged = [
      { ...RECORD, good: "2" },
      { ...RECORD, verdicts: {} },
      { ...RECORD, verdicts: [{ version: 2 }] },
      { ...RECORD, probe: {} },
    ].map((value) => JSON.stringify({ format: 1, ...value }));
    for (const text of [...texts, ...damaged]) {
      const error = await refuses("conflict", () => parseBisect(text));
      assert.match(error.hint ?? "", "--reset");
    }
  });

  test("0 is good, 125 cannot tell, all else is bad, and what ran out of time has said nothing", () => {
    assert.equal(
      [0, 125, 1, 2, 126, 127, 137, 143].map((status) => verdictOf(status)),
      ["good", "skip", ...Array.from({ length: 6 }, () => "bad")],
    );
    assert.equal([verdictOf(143, true), verdictOf(0, true)], ["skip", "skip"]);
    assert.is(judgeProbe({ status: 143, hasRunOut: true }, 5000).reason, "not finished within 5 seconds");
  });

  test("a verdict ends the probe, and a probe that is given up leaves none", () => {
    const verdict = { version: 5, tree: RECORD.probe.tree, verdict: "bad", reason: "exit status 1" } as const;
    const after = withVerdict(RECORD, verdict);
    assert.equal(after.verdicts, [...RECORD.verdicts, verdict]);
    assert.not("probe" in after);
    assert.equal([withoutProbe(RECORD).verdicts, "probe" in withoutProbe(RECORD)], [RECORD.verdicts, false]);
  });
});

describe("bisect range", (test) => {
  test("failed releases and those without code are no candidates", () => {
    const newestFirst = [release(4), release(3, { status: "failed" }), release(2), release(1, { code: undefined })];
    assert.equal(
      candidatesOf(newestFirst).map(({ version }) => version),
      [2, 4],
    );
  });

  test("ends that will not do are refused, each with its reason", async () => {
    const refused: [good: Release, bad: Release, message: string][] = [
      [release(5), release(3), "The good release v5 is newer than the bad one, v3."],
      [release(3), release(3), "v3 cannot be good and bad at once."],
      [release(1, { code: undefined }), release(3), "v1 cannot be the good end: it has no code."],
      [release(1), release(3, { status: "failed" }), "v3 cannot be the bad end: it is a failed release"],
      [release(1, { tree: "t" }), release(3, { tree: "t" }), "v3 is an exact copy of v1"],
    ];
    for (const [good, bad, message] of refused) {
      const error = await refuses("invalid_params", () => checkEnds(good, bad));
      assert.match(error.message, message);
    }
    checkEnds(release(1), release(2));
  });
});
