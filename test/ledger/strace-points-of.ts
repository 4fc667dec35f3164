/** The points at which strace kills: each system call that writes, renames, syncs or closes, of the writer's main thread
 *  and of each git process that it starts. What its other threads do is counted by fault-points.ts. */
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { tryAll, tryOnce, type CrashLab, type Killing, type Try } from "./crash-lab.ts";

/** A name that this machine's kernel does not have is passed over. */
const CALLS = (
  "write writev pwrite64 ftruncate fsync fdatasync close " +
  "rename renameat renameat2 link linkat unlink unlinkat mkdir mkdirat rmdir"
)
  .split(" ")
  .map((name) => `?${name}`)
  .join(",");
const NODE = [process.execPath, "--enable-source-maps"];
const AT_ONCE = 3;
const REAL_GIT = spawnSync("sh", ["-c", "command -v git"]).stdout.toString().trim();
/** Calls before the program's own first one; some of them come or do not come. */
const START_SLACK = 3;

/** What strace lacks on this machine. */
export const missingStrace =
  spawnSync("strace", ["-o", "/dev/null", "true"]).status === 0 ? undefined : "strace, and leave to use it";

/** `node`: the writer dies, its git children see the end of their input. `git`: a git process alone dies, the writer goes
 *  on. `all`: everything dies with that git process. */
interface StracePoint extends Try {
  at: number;
  kill: "node" | "git" | "all";
  /** The git command. */
  verb?: string;
}

/** git commands by operation: which processes there are to be killed. */
const VERBS: Record<string, readonly string[]> = {
  config: ["update-ref", "cat-file"],
  deploy: ["update-ref", "symbolic-ref"],
  rollback: ["update-ref"],
  state: ["update-ref"],
  look: ["rev-list"],
  create: ["update-ref"],
  upkeep: ["repack", "commit-graph"],
};

export async function findStracePoints(lab: CrashLab, tries: readonly Try[]): Promise<StracePoint[]> {
  const idle = await countMain(lab, { operation: "nothing", start: "whole" });
  const found = new Map<Try, StracePoint[]>();
  await tryAll(tries, AT_ONCE, async (tried) => {
    const calls = await countMain(lab, tried);
    assert.ok(calls > idle, `${tried.operation} makes no calls.`);
    const points: StracePoint[] = [];
    for (let at = Math.max(1, idle - START_SLACK); at <= calls; at += 1) points.push({ ...tried, at, kill: "node" });
    for (const verb of VERBS[tried.operation] ?? []) {
      const ofGit = await countGit(lab, tried, verb);
      for (let at = 1; at <= ofGit; at += 1) {
        points.push({ ...tried, at, verb, kill: "git" }, { ...tried, at, verb, kill: "all" });
      }
    }
    found.set(tried, points);
  });
  return tries.flatMap((tried) => found.get(tried) ?? []);
}

export function tryStracePoints(lab: CrashLab, points: readonly StracePoint[]): Promise<void> {
  return tryAll(points, AT_ONCE, async (point) => {
    const inject = `-einject=${CALLS}:signal=KILL:when=${String(point.at)}`;
    const killing = point.verb === undefined ? straceNode([inject]) : await straceGit(lab, point, [inject]);
    const done = await tryOnce(lab, point, killing, point);
    // Another git takes the place of one that died, and nobody notices.
    const isReplaced = point.verb === "update-ref" || point.verb === "cat-file";
    if (point.kill === "git" && isReplaced) assert.ok(done !== undefined, `${JSON.stringify(point)} was noticed.`);
  });
}

async function countMain(lab: CrashLab, tried: Try): Promise<number> {
  const file = join(lab.fixture.home, `main-${tried.operation}-${tried.start}`);
  await tryOnce(lab, tried, straceNode(["-o", file]), tried);
  return lines(await readFile(file, "utf8"));
}

async function countGit(lab: CrashLab, tried: Try, verb: string): Promise<number> {
  const file = join(lab.fixture.home, `${verb}-${tried.operation}-${tried.start}`);
  await tryOnce(lab, tried, await straceGit(lab, { ...tried, at: 0, verb, kill: "git" }, ["-o", file]), tried);
  return lines(await readFile(file, "utf8").catch(() => ""));
}

function lines(text: string): number {
  return text.split("\n").filter((line) => line.includes("(")).length;
}

function straceNode(options: readonly string[]): Killing {
  return { command: ["strace", "-qq", `-etrace=${CALLS}`, ...output(options), ...NODE], env: {} };
}

function output(options: readonly string[]): string[] {
  return options.includes("-o") ? [...options] : ["-o", "/dev/null", ...options];
}

/** Puts a program before git on PATH that lets strace have the first process of one command. The ledger gives its git a
 *  small environment of its own, so what the program is to do stands in it. */
async function straceGit(lab: CrashLab, point: StracePoint, options: readonly string[]): Promise<Killing> {
  const directory = await mkdtemp(join(lab.fixture.home, "wrapper-"));
  const strace = ["strace", "-f", "-qq", `-etrace=${CALLS}`, ...output(options)].map(quote).join(" ");
  const script = `#!/bin/sh
case " $* " in *" ${point.verb ?? ""} "*) ;; *) exec ${REAL_GIT} "$@" ;; esac
mkdir ${directory}/once 2>/dev/null || exec ${REAL_GIT} "$@"
${point.kill === "git" ? "exec " : ""}${strace} ${REAL_GIT} "$@"
status=$?
[ "$status" -ne 137 ] || kill -KILL 0
exit "$status"
`;
  await writeFile(join(directory, "git"), script, { mode: 0o755 });
  const env = { PATH: `${directory}:${process.env["PATH"] ?? ""}`, FAULT_MAY_FAIL: "yes" };
  return { command: NODE, env };
}

function quote(text: string): string {
  return `'${text}'`;
}
