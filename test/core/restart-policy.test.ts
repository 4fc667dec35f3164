/** When a crashed process is started again, by policy, and the daily restart. */
import * as assert from "uvu/assert";
import { DYNO_RULES } from "../../src/core/dyno.ts";
import { dailyRestartAt, restartDelayMs } from "../../src/core/restart-policy.ts";
import type { RestartPolicy } from "../../src/core/restart-policy.ts";
import { describe } from "../support/suite.ts";

function delays(restartPolicy: RestartPolicy, crashes: readonly number[], chance: number): (number | undefined)[] {
  return crashes.map((count) => restartDelayMs(count, { ...DYNO_RULES, restartPolicy }, chance));
}

function hours(id: string): number {
  return (dailyRestartAt(1_000_000, id) - 1_000_000) / 3_600_000;
}

describe("restart policy", (test) => {
  test("ours waits 1, 2, 4 … seconds, 10 minutes at most", () => {
    const waits = delays("default", [1, 2, 3, 4, 10, 11, 5000], 0.5);
    assert.equal(waits, [1_000, 2_000, 4_000, 8_000, 512_000, 600_000, 600_000]);
  });

  test("ours spreads each wait by a tenth", () => {
    assert.equal(delays("default", [1, 11], 0), [900, 540_000]);
    assert.equal(delays("default", [1, 11], 0.999_999), [1_100, 660_000]);
  });

  test("Heroku's first start is at once, then come 20, 40, 60, 180 and ever again 320 minutes", () => {
    const minutes = delays("heroku", [1, 2, 3, 4, 5, 6, 7, 5000], 0.9).map((ms = -1) => ms / 60_000);
    assert.equal(minutes, [0, 20, 40, 60, 180, 320, 320, 320]);
  });

  test("never is never", () => {
    assert.equal(delays("never", [1, 2, 5000], 0.5), [undefined, undefined, undefined]);
  });

  test("a daily restart is due between 24 hours and 216 minutes later, always at the same moment for one process", () => {
    assert.is(hours("00000000-0000-4000-8000-000000000000"), 24);
    assert.is(hours("80000000-0000-4000-8000-000000000000"), 25.8);
    const last = hours("ffffffff-ffff-4fff-bfff-ffffffffffff");
    assert.ok(last > 27.59 && last < 27.6, String(last));
  });
});
