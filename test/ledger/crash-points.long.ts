/** Crash harness, long form: the ledger's writer is killed at every one of its steps. */
import * as assert from "uvu/assert";
import { describe } from "../support/suite.ts";
import { makeCrashLab, TRIES } from "./crash-lab.ts";
import { findStracePoints, missingStrace, tryStracePoints } from "./strace-points-of.ts";
import { findFaultPoints, tryFaultPoints } from "./fault-points-of.ts";

describe("ledger's writer, killed", (test) => {
  test("at every one of its steps, loses nothing and leaves nothing half done", async (t) => {
    const lab = await makeCrashLab(t);
    const all = await findFaultPoints(lab);
    assert.ok(all.length > 500, String(all.length));
    await tryFaultPoints(lab, all);
    console.log(`killed at ${String(all.length)} points`);
  });

  test.needing(missingStrace, "at every one of its system calls, the same", async (t) => {
    const lab = await makeCrashLab(t);
    const all = await findStracePoints(lab, TRIES);
    assert.ok(all.length > 1000, String(all.length));
    await tryStracePoints(lab, all);
    console.log(`killed at ${String(all.length)} system calls`);
  });
}, 3_600_000);
