/** Crash harness, short form: each operation at one of the points of crash-points.long.ts, and some of the system calls. */
import * as assert from "uvu/assert";
import { describe } from "../support/suite.ts";
import { makeCrashLab, TRIES } from "./crash-lab.ts";
import { findStracePoints, missingStrace, tryStracePoints } from "./strace-points-of.ts";
import { spread, tryFaultPoints, type FaultPoint } from "./fault-points-of.ts";

/** A step of each of TRIES, early, late and between, so that they need not be counted first. */
const STEPS = [40, 52, 66, 25, 12, 20, 9, 15, 58, 18];
const CALLS = 4;

describe("ledger's writer, killed", (test) => {
  test("at a step of each operation, loses nothing and leaves nothing half done", async (t) => {
    const lab = await makeCrashLab(t);
    const points = TRIES.map((tried, n): FaultPoint => ({
      ...tried,
      at: STEPS[n] ?? 5,
      kill: n % 2 === 0 ? "one" : "group",
    }));
    assert.is(await tryFaultPoints(lab, points), TRIES.length, "an operation has fewer steps than it had");
  });

  test.needing(missingStrace, `at ${String(CALLS)} system calls of a deploy, the same`, async (t) => {
    const lab = await makeCrashLab(t);
    const tries = TRIES.filter(({ operation, start }) => operation === "deploy" && start === "whole");
    const all = await findStracePoints(lab, tries);
    assert.ok(all.length > 100, String(all.length));
    await tryStracePoints(lab, spread(all, CALLS));
  });
});
