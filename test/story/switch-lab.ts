/** Changes under load: whatever the change, every visitor is answered. */
import * as assert from "uvu/assert";
import { checkConverged } from "../support/converged.ts";
import { deployFixture, must, platformClient, untilUp } from "../support/deploy.ts";
import { getUntil } from "../support/http.ts";
import { startLoad } from "../support/load.ts";
import { startPlatform } from "../support/platform.ts";
import { commitChange } from "../support/push.ts";
import type { TestContext } from "../support/suite.ts";

/** Deploys, rollbacks, config changes, scaling and restarts in turn, with two web processes; resolves with how many requests were answered. */
export async function switchUnderLoad(t: TestContext, changes: number): Promise<number> {
  const platform = await startPlatform(t);
  const clone = await deployFixture(platform, "served");
  const client = platformClient(platform);
  await client.scale("served", [{ type: "web", quantity: "2" }]);
  await untilUp(platform, "served", 2);
  await getUntil(platform.routerPort, "served", "web.");
  const load = startLoad({ port: platform.routerPort, host: "served.localhost", slowPath: "/slow" });
  t.after(() => load.stop());
  const kinds = [
    async (n: number) => {
      await commitChange(platform, clone, `change ${String(n)}`);
      await must(platform, clone, "push", "-q", "production", "main");
    },
    async () => void (await client.rollback("served", undefined)),
    async (n: number) => void (await client.changeConfig("served", { COUNTER: String(n) })),
    async (n: number) => void (await client.scale("served", [{ type: "web", quantity: n % 2 === 0 ? "2" : "3" }])),
    async () => void (await client.restartAll("served")),
  ];
  for (let n = 0; n < changes; n += 1) {
    await kinds[n % kinds.length]?.(n);
    const version = await checkConverged(platform, "served");
    await getUntil(platform.routerPort, "served", `at v${String(version)}`);
    await load.more(20);
    assert.equal(load.failures, [], `after change ${String(n)}`);
  }
  await load.stop();
  assert.equal(load.failures, []);
  return load.answered;
}
