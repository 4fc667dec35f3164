/** What Linux tells of a process (proc(5)). */
import { readFile } from "node:fs/promises";

/** Processor time is counted in hundredths of a second for every program (USER_HZ). */
export const TICKS_PER_SECOND = 100;

export async function cpuTicks(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${String(pid)}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

export async function residentMb(pid: number): Promise<number> {
  return Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${String(pid)}/status`, "utf8"))?.[1]) / 1024;
}
