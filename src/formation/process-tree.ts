/** All processes of one run, found in the surest way that there is: by its control group, by the pid namespace of its
 *  sandbox, else by session and HOME (docs/isolation.md). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { cgroupMemory, cgroupPids, killCgroup } from "./cgroup.ts";
import type { Cgroup } from "./cgroup.ts";
import { isAlive, pidInNamespace, pidNamespace, sendSignal } from "./process-table.ts";
import type { Leader, Member, ProcessTable } from "./process-table.ts";

/** How a run is held together, as its record tells. */
export type Bonds = {
  readonly cgroup?: Cgroup;
  /** bubblewrap is its leader. */
  readonly sandboxed?: boolean;
};

/** The first process of a sandbox's pid namespace: bubblewrap's own, which reaps. */
interface SandboxInit {
  readonly pid: number;
  readonly namespace: string;
}

/** bubblewrap makes its namespace moments after it was started. One made later has the same numbers by chance. */
const SANDBOX_MADE_WITHIN_S = 60;
/** Of start times (proc(5)). */
const TICKS_PER_S = 100;
/** What bubblewrap runs is always the second process of its namespace. */
const APP_IN_NAMESPACE = 2;

export class ProcessTree {
  readonly leader: Leader;
  readonly #status: string;
  readonly #bonds: Bonds;
  readonly #table: ProcessTable;
  #init: SandboxInit | undefined;

  /** @param directory of the run */
  constructor(directory: string, leader: Leader, bonds: Bonds, table: ProcessTable) {
    this.leader = leader;
    this.#status = join(directory, "state", "sandbox");
    this.#bonds = bonds;
    this.#table = table;
  }

  leads(): Promise<boolean> {
    return isAlive(this.#table, this.leader);
  }

  /** The living ones, with those that only keep the sandbox. */
  async members(): Promise<Member[]> {
    const { cgroup, sandboxed } = this.#bonds;
    if (cgroup !== undefined) return this.#table.among(cgroupPids(cgroup));
    const made = sandboxed === true ? this.#sandboxInit() : undefined;
    if (made === undefined) return this.#table.members(this.leader);
    const outer = (await this.leads()) ? this.#table.among([this.leader.pid]) : [];
    const inner = (await this.#isOurs(made)) ? await this.#table.inNamespace(made.namespace) : [];
    return [...outer, ...inner];
  }

  /** The processes of the app alone: bubblewrap takes the app down with itself when it is sent a signal. */
  async appMembers(): Promise<Member[]> {
    const members = await this.members();
    if (this.#bonds.sandboxed !== true) return members;
    const keepers = new Set([this.leader.pid, this.#sandboxInit()?.pid]);
    return members.filter(({ pid }) => !keepers.has(pid));
  }

  /** May have to be asked again: processes are made while others die. */
  async kill(): Promise<void> {
    const { cgroup } = this.#bonds;
    if (cgroup !== undefined) return killCgroup(cgroup);
    // Right after its birth it is in nobody's session, and its HOME is not set.
    if ((await this.leads()) && !sendSignal(-this.leader.pid, "SIGKILL")) sendSignal(this.leader.pid, "SIGKILL");
    for (const { pid } of await this.members()) sendSignal(pid, "SIGKILL");
  }

  /** The number of the app's first process as the machine sees it; undefined until the sandbox is made, and after its end. */
  async appPid(): Promise<number | undefined> {
    const made = this.#sandboxInit();
    if (made === undefined || !(await this.#isOurs(made))) return undefined;
    const children = this.#table.children(made.pid) ?? (await this.#table.inNamespace(made.namespace));
    return children.find(({ pid }) => pidInNamespace(pid) === APP_IN_NAMESPACE)?.pid;
  }

  async memory(): Promise<number> {
    const { cgroup } = this.#bonds;
    const counted = cgroup === undefined ? undefined : cgroupMemory(cgroup);
    if (counted !== undefined) return counted;
    let bytes = 0;
    for (const { pid } of await this.members()) bytes += await this.#table.memory(pid);
    return bytes;
  }

  /** It is told once. */
  #sandboxInit(): SandboxInit | undefined {
    return (this.#init ??= sandboxInit(this.#status));
  }

  async #isOurs({ pid, namespace }: SandboxInit): Promise<boolean> {
    if (pidNamespace(pid) !== namespace) return false;
    const ticks = Number(await this.#table.startTime(pid)) - Number(this.leader.startTime);
    return ticks >= 0 && ticks <= SANDBOX_MADE_WITHIN_S * TICKS_PER_S;
  }
}

/** bubblewrap's first line is JSON about what it made; a half of it counts as none. */
export function sandboxInit(file: string): SandboxInit | undefined {
  try {
    const [line = ""] = readFileSync(file, "utf8").split("\n");
    const made = JSON.parse(line) as { "child-pid": number; "pid-namespace": number };
    return { pid: made["child-pid"], namespace: `pid:[${String(made["pid-namespace"])}]` };
  } catch {
    return undefined;
  }
}
