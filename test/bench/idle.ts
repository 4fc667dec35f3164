/** What the daemon costs while nothing happens: four silent processes, 60 seconds. */
import { setTimeout as sleep } from "node:timers/promises";
import { deployFixture, untilUp } from "../support/deploy.ts";
import { startPlatform } from "../support/platform.ts";
import { withContext, type Row } from "./measure.ts";
import { cpuTicks, residentMb, TICKS_PER_SECOND } from "./process-figures.ts";

const SECONDS = 60;

export async function benchIdle(): Promise<Row[]> {
  return withContext(async (t) => {
    const platform = await startPlatform(t);
    await deployFixture(platform, "foobaz");
    await platform.exec("git", ["heroku", "scale", "web=2", "worker=2", "--app", "foobaz"]);
    await untilUp(platform, "foobaz", 4);
    await sleep(5_000);
    const before = await cpuTicks(platform.pid);
    await sleep(SECONDS * 1000);
    const share = (await cpuTicks(platform.pid)) - before;
    const percent = (share / TICKS_PER_SECOND / SECONDS) * 100;
    const rss = await residentMb(platform.pid);
    return [
      {
        what: "idle daemon, 4 silent processes",
        ours: `${percent.toFixed(2)} % of a core`,
        peer: "",
        ratio: "",
        limit: "0.5 %",
      },
      { what: "idle daemon, memory", ours: `${rss.toFixed(0)} MB`, peer: "", ratio: "", limit: "90 MB" },
    ];
  });
}
