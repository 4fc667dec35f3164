/** What the daemon costs while nothing happens: four silent processes, 60 seconds. */
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { deployFixture, untilUp } from "../support/deploy.ts";
import { startPlatform } from "../support/platform.ts";
import { withContext, type Row } from "./measure.ts";

const SECONDS = 60;
/** Linux counts processor time in hundredths of a second for every program (man 5 proc, USER_HZ). */
const TICKS_PER_SECOND = 100;

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
    const rss =
      Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${String(platform.pid)}/status`, "utf8"))?.[1]) / 1024;
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

async function cpuTicks(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${String(pid)}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}
