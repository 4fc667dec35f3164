/** The machine's table of processes. A process is known by its pid and its start time, because pids come again;
 *  a zombie counts as gone. Linux is read from /proc, other systems through ps. */
import { execFile } from "node:child_process";
import { closeSync, existsSync, openSync, readlinkSync, readSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { setImmediate as otherWork } from "node:timers/promises";

export interface Leader {
  readonly pid: number;
  readonly startTime: string;
  /** The HOME that only this leader and its descendants have. */
  readonly home: string;
}

export interface Member {
  readonly pid: number;
  readonly group: number;
}

export interface ProcessTable {
  /** Undefined when there is no such process, or only its zombie. */
  startTime(pid: number): Promise<string | undefined>;
  /** The living processes of the leader's session and all others that it left behind, itself included. */
  members(leader: Leader): Promise<Member[]>;
  /** Those of these processes that live. */
  among(pids: readonly number[]): Member[];
  /** The living children of a process that has one thread; undefined where the kernel keeps no list of them. */
  children(pid: number): Member[] | undefined;
  /** The living processes of a pid namespace, by the number in its link. */
  inNamespace(link: string): Promise<Member[]>;
  /** Bytes of memory that the process has to itself, 0 when it is gone. Where nothing tells what it shares, with that. */
  memory(pid: number): Promise<number>;
  /** Changes with every boot of the machine; empty where start times are unique by themselves. */
  bootId(): Promise<string>;
}

export const processTable: ProcessTable =
  process.platform === "linux"
    ? {
        startTime: linuxStartTime,
        members: linuxMembers,
        among: linuxAmong,
        children: linuxChildren,
        inNamespace: linuxNamespace,
        memory: linuxMemory,
        bootId: linuxBootId,
      }
    : {
        startTime: psStartTime,
        members: psMembers,
        among: () => [],
        children: () => undefined,
        inNamespace: () => Promise.resolve([]),
        memory: psMemory,
        bootId: () => Promise.resolve(""),
      };

export async function isAlive(table: ProcessTable, leader: { pid: number; startTime: string }): Promise<boolean> {
  return (await table.startTime(leader.pid)) === leader.startTime;
}

interface Stat {
  readonly zombie: boolean;
  readonly group: number;
  readonly session: number;
  readonly startTime: string;
}

/** One buffer for all of /proc: the usual way takes 64 KiB for each file, of which a look at all processes reads many.
 *  These files are in memory, so reading them does not wait. Environments are cut at this size. */
const procBytes = Buffer.allocUnsafeSlow(128 * 1024);
/** Other work gets its turn after so many processes. */
const PROCESSES_AT_ONCE = 50;

function readProc(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return "";
  }
  try {
    let length = 0;
    for (let read = -1; read !== 0 && length < procBytes.length; length += read) {
      read = readSync(fd, procBytes, length, procBytes.length - length, null);
    }
    return procBytes.toString("latin1", 0, length);
  } catch {
    // It ended while it was read.
    return "";
  } finally {
    closeSync(fd);
  }
}

function linuxStat(pid: number): Stat | undefined {
  const text = readProc(`/proc/${String(pid)}/stat`);
  // The name in parentheses may hold anything, so fields are counted after the last one.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const startTime = fields[19];
  if (startTime === undefined) return undefined;
  return {
    zombie: fields[0] === "Z" || fields[0] === "X",
    group: Number(fields[2]),
    session: Number(fields[3]),
    startTime,
  };
}

async function linuxStartTime(pid: number): Promise<string | undefined> {
  const stat = linuxStat(pid);
  return stat === undefined || stat.zombie ? undefined : stat.startTime;
}

async function linuxMembers(leader: Leader): Promise<Member[]> {
  const first = linuxStat(leader.pid);
  // Someone else's session under the same number: ours is gone.
  const recycled = first !== undefined && first.startTime !== leader.startTime;
  return linuxScan((pid) => linuxMember(pid, leader, recycled));
}

async function linuxScan(look: (pid: number) => Member | undefined): Promise<Member[]> {
  const pids = (await readdir("/proc")).filter((name) => /^[1-9]/.test(name)).map(Number);
  const members: Member[] = [];
  for (const [index, pid] of pids.entries()) {
    if (index % PROCESSES_AT_ONCE === 0) await otherWork();
    const member = look(pid);
    if (member !== undefined) members.push(member);
  }
  return members;
}

function linuxAmong(pids: readonly number[]): Member[] {
  return pids.map(linuxLiving).filter((member) => member !== undefined);
}

function linuxLiving(pid: number): Member | undefined {
  const stat = linuxStat(pid);
  return stat === undefined || stat.zombie ? undefined : { pid, group: stat.group };
}

function linuxChildren(pid: number): Member[] | undefined {
  const text = readProc(`/proc/${String(pid)}/task/${String(pid)}/children`);
  if (text !== "") return linuxAmong(text.trim().split(" ").map(Number));
  keepsChildren ??= existsSync(`/proc/self/task/${String(process.pid)}/children`);
  return keepsChildren ? [] : undefined;
}

/** Whether the kernel has these lists (CONFIG_PROC_CHILDREN); asked once. */
let keepsChildren: boolean | undefined;

/** Its number in the innermost pid namespace that it belongs to. */
export function pidInNamespace(pid: number): number | undefined {
  const [, numbers] = /^NSpid:\s+(.*)$/m.exec(readProc(`/proc/${String(pid)}/status`)) ?? [];
  return numbers === undefined ? undefined : Number(numbers.split(/\s+/).at(-1));
}

/** The link of a process to its pid namespace, `pid:[4026532180]`; undefined when it is gone or somebody else's. */
export function pidNamespace(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${String(pid)}/ns/pid`);
  } catch {
    return undefined;
  }
}

function linuxNamespace(link: string): Promise<Member[]> {
  return linuxScan((pid) => (pidNamespace(pid) === link ? linuxLiving(pid) : undefined));
}

function linuxMember(pid: number, leader: Leader, recycled: boolean): Member | undefined {
  const stat = linuxStat(pid);
  if (stat === undefined || stat.zombie || Number(stat.startTime) < Number(leader.startTime)) return undefined;
  const member = { pid, group: stat.group };
  if (stat.session === leader.pid && !recycled) return member;
  const environment = readProc(`/proc/${String(pid)}/environ`);
  return environment.split("\0").includes(`HOME=${Buffer.from(leader.home).toString("latin1")}`) ? member : undefined;
}

/** Resident pages less shared ones, which are mostly the program itself. The exact share (smaps) takes the kernel 300 times
 *  as long. */
async function linuxMemory(pid: number): Promise<number> {
  const [, resident = 0, shared = 0] = readProc(`/proc/${String(pid)}/statm`)
    .split(" ")
    .map(Number);
  return (resident - shared) * pageSize();
}

const AT_PAGESZ = 6;
let knownPageSize: number | undefined;

/** The kernel tells each program its page size in the auxiliary vector: pairs of words, type and value. */
function pageSize(): number {
  if (knownPageSize !== undefined) return knownPageSize;
  const pairs = new BigUint64Array(Uint8Array.from(Buffer.from(readProc("/proc/self/auxv"), "latin1")).buffer);
  const at = pairs.findIndex((type, index) => index % 2 === 0 && type === BigInt(AT_PAGESZ));
  knownPageSize = at === -1 ? 4096 : Number(pairs[at + 1]);
  return knownPageSize;
}

async function linuxBootId(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "")).trim();
}

async function psStartTime(pid: number): Promise<string | undefined> {
  const [line] = await ps(["-o", "stat=,lstart=", "-p", String(pid)]);
  const [state, ...start] = (line ?? "").trim().split(/\s+/);
  return state === undefined || state === "" || state.startsWith("Z") ? undefined : start.join(" ");
}

async function psMembers(leader: Leader): Promise<Member[]> {
  const lines = await ps(["-A", "-o", "pid=,pgid=,stat="]);
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, group, state]) => Number(group) === leader.pid && state?.startsWith("Z") === false)
    .map(([pid]) => ({ pid: Number(pid), group: leader.pid }));
}

async function psMemory(pid: number): Promise<number> {
  const [kibibytes] = await ps(["-o", "rss=", "-p", String(pid)]);
  return Number(kibibytes ?? 0) * 1024;
}

/** No such process is an empty answer. */
function ps(args: string[]): Promise<string[]> {
  return new Promise((resolve) => {
    execFile("/bin/ps", args, { env: { LC_ALL: "C", TZ: "UTC" } }, (_error, stdout) => {
      resolve(stdout.split("\n").filter((line) => line.trim() !== ""));
    });
  });
}

/** Sends a signal; a process that is gone is no error. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // macOS answers EPERM for a group in which only zombies are left.
    if (code === "ESRCH" || code === "EPERM") return false;
    throw error;
  }
}
