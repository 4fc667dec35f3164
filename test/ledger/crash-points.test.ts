/** Crash harness, short form: some dozen of the points of crash-points.long.ts, spread evenly. */
import * as assert from "uvu/assert";
import { describe } from "../support/suite.ts";
import { makeCrashLab, TRIES } from "./crash-lab.ts";
import { findStracePoints, missingStrace, tryStracePoints } from "./strace-points-of.ts";
import { findFaultPoints, spread, tryFaultPoints } from "./fault-points-of.ts";

const POINTS = 24;
const CALLS = 16;

describe("ledger's writer, killed", (test) => {
  test(`at ${String(POINTS)} of its steps, loses nothing and leaves nothing half done`, async (t) => {
    const lab = await makeCrashLab(t);
    const all = await findFaultPoints(lab);
    assert.ok(all.length > 500, String(all.length));
    await tryFaultPoints(lab, spread(all, POINTS));
  });

  test.needing(missingStrace, `at ${String(CALLS)} system calls of two operations, the same`, async (t) => {
    const lab = await makeCrashLab(t);
    const tries = TRIES.filter(({ operation, start }) => start === "whole" && /deploy|create/.test(operation));
    const all = await findStracePoints(lab, tries);
    assert.ok(all.length > 200, String(all.length));
    await tryStracePoints(lab, spread(all, CALLS));
  });
}, 90_000);
