/** Control groups: the kernel's own list of all that descends from a process, whatever it does to get away. Version 2, or
 *  the hierarchies of version 1. These files are in memory, so reading and writing them does not wait. */
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import type { Limits } from "../core/limits.ts";
import { sendSignal } from "./process-table.ts";

/** The directories in which groups can be made. */
export interface CgroupSite {
  /** Here every run gets a group. */
  readonly processes: string;
  /** Here as well when its processes are to be counted; the same one where version 2 counts them. */
  readonly pids: string | undefined;
  /** Here as well when its memory is to be limited. */
  readonly memory: string | undefined;
}

/** The groups of one run, by absolute path. */
export type Cgroup = {
  readonly processes: string;
  readonly pids?: string;
  readonly memory?: string;
};

const REMOVE_PATIENCE_MS = 2_000;

/** Where the groups of a run will be; nothing is made yet. */
export function planCgroup(site: CgroupSite, name: string, limits: Limits): Cgroup {
  const isCounted = limits.processes !== undefined && site.pids !== undefined;
  const hasMemory = site.memory !== undefined && (limits.memoryBytes !== undefined || site.memory === site.processes);
  return {
    processes: join(site.processes, name),
    ...(isCounted ? { pids: join(site.pids, name) } : {}),
    ...(hasMemory ? { memory: join(site.memory, name) } : {}),
  };
}

/** Makes the groups and sets their limits.
 *  @throws when the machine has changed since it was tried. */
export function makeCgroup(cgroup: Cgroup, limits: Limits): void {
  for (const path of cgroupPaths(cgroup)) mkdirSync(path);
  if (cgroup.pids !== undefined) writeFileSync(join(cgroup.pids, "pids.max"), String(limits.processes));
  if (cgroup.memory === undefined || limits.memoryBytes === undefined) return;
  const file = cgroup.memory === cgroup.processes ? "memory.max" : "memory.limit_in_bytes";
  writeFileSync(join(cgroup.memory, file), String(limits.memoryBytes));
}

export function cgroupPaths(cgroup: Cgroup): string[] {
  return [...new Set([cgroup.processes, cgroup.pids, cgroup.memory])].filter((path) => path !== undefined);
}

/** The processes in it; those of another pid namespace than ours have no number here. */
export function cgroupPids(cgroup: Cgroup): number[] {
  return readIfThere(join(cgroup.processes, "cgroup.procs"))
    .split("\n")
    .map(Number)
    .filter((pid) => pid > 0);
}

/** Kills all of it at once where the kernel does that (Linux 5.14, version 2); else one by one, to be asked again until
 *  none is left. */
export function killCgroup(cgroup: Cgroup): void {
  try {
    writeFileSync(join(cgroup.processes, "cgroup.kill"), "1", { flag: "r+" });
  } catch {
    for (const pid of cgroupPids(cgroup)) sendSignal(pid, "SIGKILL");
  }
}

/** Bytes that its processes cannot give back: without the cache of files they read. Undefined when it is not counted. */
export function cgroupMemory(cgroup: Cgroup): number | undefined {
  if (cgroup.memory === undefined) return undefined;
  const lines = readIfThere(join(cgroup.memory, "memory.stat")).split("\n");
  const stat = new Map(lines.map((line) => line.split(" ") as [string, string]));
  const [own, shared] = cgroup.memory === cgroup.processes ? ["anon", "shmem"] : ["total_rss", "total_shmem"];
  const bytes = stat.get(own ?? "");
  return bytes === undefined ? undefined : Number(bytes) + Number(stat.get(shared ?? "") ?? 0);
}

/** Removes the groups once they are empty; the last process may be on its way out. One that is not there is no error. */
export async function removeCgroup(cgroup: Cgroup, clock: Clock): Promise<void> {
  const deadline = clock.now() + REMOVE_PATIENCE_MS;
  for (const path of cgroupPaths(cgroup)) {
    while (!isRemoved(path) && clock.now() < deadline) await clock.sleep(5);
  }
}

function isRemoved(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "EBUSY";
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
