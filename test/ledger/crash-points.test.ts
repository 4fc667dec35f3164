/** Crash harness, short form: some dozen of the points of crash-points.long.ts, spread evenly. */
import * as assert from "uvu/assert";
import { describe } from "../support/suite.ts";
import { makeCrashLab, TRIES } from "./crash-lab.ts";
import { findStracePoints, missingStrace, tryStracePoints } from "./strace-points-of.ts";
import { findFaultPoints, spread, tryFaultPoints } from "./fault-points-of.ts";

const POINTS = 12;
const CALLS = 6;

describe("ledger's writer, killed", (test) => {
  test(`at ${String(POINTS)} of its steps, loses nothing and leaves nothing half done`, async (t) => {
    const lab = await makeCrashLab(t);
    const all = await findFaultPoints(lab);
    assert.ok(all.length > 500, String(all.length));
    await tryFaultPoints(lab, spread(all, POINTS));
  });

  test.needing(missingStrace, `at ${String(CALLS)} system calls of a deploy, the same`, async (t) => {
    const lab = await makeCrashLab(t);
    const tries = TRIES.filter(({ operation, start }) => operation === "deploy" && start === "whole");
    const all = await findStracePoints(lab, tries);
    assert.ok(all.length > 100, String(all.length));
    await tryStracePoints(lab, spread(all, CALLS));
  });
});
