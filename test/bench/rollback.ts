/** From `rollback` to the first answer of the old release, against the boot of one bare process of that app. */
import { spawn } from "node:child_process";
import { freePort, get, getUntil } from "../support/http.ts";
import { startPlatform } from "../support/platform.ts";
import { deployFixture, platformClient } from "../support/deploy.ts";
import { inPairs, ms, times, withContext, type Row } from "./measure.ts";

const PAIRS = 10;

export async function benchRollback(): Promise<Row[]> {
  return withContext(async (t) => {
    const platform = await startPlatform(t);
    const clone = await deployFixture(platform, "foobaz");
    const client = platformClient(platform);
    let version = (await client.changeConfig("foobaz", { GREETING: "hi" })) ?? 0;
    const rollback = async (): Promise<number> => {
      const start = performance.now();
      const release = await client.rollback("foobaz", version - 1);
      await getUntil(platform.routerPort, "foobaz", `at v${String(release.version)}`);
      version = release.version;
      return performance.now() - start;
    };
    const [ours, peer] = await inPairs(PAIRS, rollback, () => bareBoot(clone));
    return [
      {
        what: "rollback until served",
        ours: ms(ours),
        peer: `${ms(peer)} bare process`,
        ratio: times(ours, peer),
        limit: "2.5 ×",
      },
    ];
  });
}

async function bareBoot(dir: string): Promise<number> {
  const port = await freePort();
  const start = performance.now();
  const child = spawn("node", ["web.js"], {
    cwd: dir,
    env: { PATH: process.env["PATH"] ?? "", PORT: String(port) },
    stdio: "ignore",
  });
  for (;;) {
    const answer = await get(port, "foobaz").catch(() => undefined);
    if (answer?.status === 200) break;
  }
  const elapsed = performance.now() - start;
  child.kill("SIGKILL");
  return elapsed;
}
