/** kill -9 of the daemon at every moment that kill-lab knows; the short forms stand beside the tests of what is killed. */
import { borrowPlatform, startPlatform } from "../support/platform.ts";
import { describe } from "../support/suite.ts";
import {
  killDuringAutoRollback,
  killDuringChange,
  killDuringPush,
  killDuringReleasePhase,
  killDuringRestore,
  killDuringRevert,
  killDuringRotation,
  killDuringSetup,
} from "./kill-lab.ts";

describe("kill -9 of the daemon, at each step", (test) => {
  const common = test.shared(startPlatform);

  test("of a push", async (t) => killDuringPush(await borrowPlatform(t, common), "all"));
  test("of a config change and a rollback", async (t) => killDuringChange(await borrowPlatform(t, common), "all"));
  test("of a release phase", async (t) => killDuringReleasePhase(await borrowPlatform(t, common), "all"));
  test("of an automatic rollback", async (t) => killDuringAutoRollback(await borrowPlatform(t, common), "all"));
  test("of an app that is made by its app.json", async (t) => killDuringSetup(await borrowPlatform(t, common), "all"));
  test("of a revert", async (t) => killDuringRevert(await borrowPlatform(t, common), "all"));
  test("of a rotation of the key", async (t) => killDuringRotation(await startPlatform(t), "all"));
  test("of a restore", async (t) => killDuringRestore(await borrowPlatform(t, common), await startPlatform(t), "all"));
}, 300_000);
