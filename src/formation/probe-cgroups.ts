/** Finds the directories in which this daemon may make control groups: its own ones. It tries them with a process. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Clock } from "../core/clock.ts";
import { cgroupPids, killCgroup, makeCgroup, removeCgroup } from "./cgroup.ts";
import type { CgroupSite } from "./cgroup.ts";

/** Where the hierarchies of the kernel are, and this process in them. */
export interface CgroupSources {
  /** /proc/self/cgroup */
  readonly own: string;
  /** /proc/self/mountinfo */
  readonly mounts: string;
}

/** By controller; version 2 is called `unified`. */
export function ownCgroups({ own, mounts }: CgroupSources): Map<string, string> {
  const found = new Map<string, string>();
  for (const { controllers, root, point } of parseMounts(mounts)) {
    for (const controller of controllers) {
      const way = relative(root, ownPath(own, controller));
      if (!way.startsWith("..")) found.set(controller, join(point, way));
    }
  }
  return found;
}

interface Hierarchy {
  readonly controllers: readonly string[];
  readonly root: string;
  readonly point: string;
}

/** proc(5): id, parent, device, root, mount point, options, optional fields, `-`, type, source, options. */
function parseMounts(mounts: string): Hierarchy[] {
  return mounts.split("\n").flatMap((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , root = "/", point = "/"] = before.split(" ");
    const [type, , options = ""] = after.split(" ");
    if (type === "cgroup2") return [{ controllers: ["unified"], root, point }];
    return type === "cgroup" ? [{ controllers: options.split(","), root, point }] : [];
  });
}

/** Lines of `number:controllers:path`, version 2 without controllers. */
function ownPath(own: string, controller: string): string {
  const wanted = controller === "unified" ? "" : controller;
  for (const line of own.split("\n")) {
    const [, controllers = "-", ...path] = line.split(":");
    if (controllers.split(",").includes(wanted)) return path.join(":");
  }
  return "/..";
}

/** Undefined where none can be made. */
export async function findCgroupSite(clock: Clock): Promise<CgroupSite | undefined> {
  const own = ownCgroups({ own: readAboutMe("cgroup"), mounts: readAboutMe("mountinfo") });
  const [unified, pids, freezer, memory] = ["unified", "pids", "freezer", "memory"].map((name) =>
    onlyWritable(own.get(name)),
  );
  const two = unified === undefined ? undefined : await tryVersion2(unified, clock);
  const processes = two?.processes ?? (await firstThatWorks([pids, freezer], clock));
  return processes === undefined ? undefined : { processes, pids: two?.pids ?? pids, memory: two?.memory ?? memory };
}

function readAboutMe(name: string): string {
  try {
    return readFileSync(`/proc/self/${name}`, "utf8");
  } catch {
    return "";
  }
}

function onlyWritable(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    accessSync(path, constants.W_OK);
    return path;
  } catch {
    return undefined;
  }
}

async function tryVersion2(path: string, clock: Clock): Promise<CgroupSite | undefined> {
  if (!(await works(path, clock))) return undefined;
  const [pids, memory] = ["pids", "memory"].map((controller) => (isEnabled(path, controller) ? path : undefined));
  return { processes: path, pids, memory };
}

/** A group that has processes itself, other than the first one of all, cannot hand its controllers down. */
function isEnabled(path: string, controller: string): boolean {
  const file = join(path, "cgroup.subtree_control");
  try {
    if (readFileSync(file, "utf8").split(/\s/).includes(controller)) return true;
    writeFileSync(file, `+${controller}`);
    return true;
  } catch {
    return false;
  }
}

async function firstThatWorks(paths: readonly (string | undefined)[], clock: Clock): Promise<string | undefined> {
  for (const path of paths) if (path !== undefined && (await works(path, clock))) return path;
  return undefined;
}

/** Puts a process into a new group, sees it there, and kills the group. */
async function works(path: string, clock: Clock): Promise<boolean> {
  const cgroup = { processes: join(path, `git-heroku.trial.${String(process.pid)}`) };
  try {
    makeCgroup(cgroup, {});
  } catch {
    return false;
  }
  const program = 'echo 0 >"$0/cgroup.procs" && echo joined && read -r never';
  const child = spawn("/bin/sh", ["-c", program, cgroup.processes], { stdio: ["pipe", "pipe", "ignore"], env: {} });
  const exited = once(child, "exit");
  const joined = await Promise.race([once(child.stdout, "data").then(() => true), exited.then(() => false)]);
  const isThere = joined && cgroupPids(cgroup).includes(child.pid ?? 0);
  if (isThere) killCgroup(cgroup);
  else child.kill("SIGKILL");
  await exited;
  await removeCgroup(cgroup, clock);
  return isThere;
}
