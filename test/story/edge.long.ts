/** Daemon, old router or new router killed at moments of chance while the one router hands over to the other. */
import * as assert from "uvu/assert";
import { untilSame } from "../support/converged.ts";
import { platformClient } from "../support/deploy.ts";
import { startLoad } from "../support/load.ts";
import { processesOf, type TestPlatform } from "../support/platform.ts";
import { describe } from "../support/suite.ts";
import { isRouter, isSubset, loggedPaths, routerPid, startEcho } from "./edge-lab.ts";

const ROUNDS = 10;
/** A handover takes about a tenth of a second. */
const MOMENT_MS_MAX = 300;

type Victim = "daemon" | "old" | "new";

async function pidsOf(platform: TestPlatform, victim: Victim, old: number | undefined): Promise<number[]> {
  if (victim === "daemon") return [platform.pid];
  const routers = (await processesOf(platform.home)).filter(isRouter).map(({ pid }) => pid);
  return routers.filter((pid) => (pid === old) === (victim === "old"));
}

async function killIfThere(pids: readonly number[]): Promise<void> {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
}

describe("edge, at moments of chance", (test) => {
  for (const victim of ["daemon", "old", "new"] as const) {
    test(`the ${victim} killed while the router is replaced`, async (t) => {
      const platform = await startEcho(t);
      const load = startLoad({ port: platform.routerPort, host: "echo.localhost", visitors: 4 });
      t.after(() => load.stop());
      for (let round = 0; round < ROUNDS; round += 1) {
        await load.more(20);
        const old = await routerPid(platform);
        const replaced = platformClient(platform)
          .replaceRouter()
          .catch(() => undefined);
        await new Promise((resolve) => setTimeout(resolve, Math.random() * MOMENT_MS_MAX));
        await killIfThere(await pidsOf(platform, victim, old));
        await replaced;
        await platform.wake();
        await untilSame(1, async () => (await processesOf(platform.home)).filter(isRouter).length);
        await untilSame(true, async () => (await routerPid(platform)) !== undefined);
        const failed = load.failures.length;
        await load.more(20);
        assert.is(load.failures.length, failed);
      }
      await load.stop();
      if (victim === "daemon") assert.equal(load.failures, []);
      await untilSame(true, async () => isSubset(load.paths, await loggedPaths(platform)));
      const counts = [...(await loggedPaths(platform)).values()];
      assert.equal(
        counts.filter((count) => count !== 1),
        [],
      );
    });
  }
}, 240_000);
