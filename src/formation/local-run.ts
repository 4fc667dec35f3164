/** One run on this machine: a directory, the shim that writes to it, and the processes that belong to it.
 *  It notices the pid and the end by watching the directory, by its child (the shim) and by a sweep for the rest. */
import { watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { chmod } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Clock } from "../core/clock.ts";
import type { DynoExit } from "../core/dyno.ts";
import { removeCgroup } from "./cgroup.ts";
import type { Keeper } from "./launcher.ts";
import { readListening, type Listening } from "./port-owner.ts";
import { sendSignal } from "./process-table.ts";
import type { ProcessTable } from "./process-table.ts";
import { ProcessTree } from "./process-tree.ts";
import type { Bonds } from "./process-tree.ts";
import { SCRATCH } from "./run-plan.ts";
import { readExit, readPid } from "./run-record.ts";
import type { RunRecord } from "./run-record.ts";
import type { Instance } from "./runtime.ts";

export interface RunHost {
  readonly clock: Clock;
  readonly table: ProcessTable;
  changed(instance: Instance): void;
}

const LOST: DynoExit = { code: null, signal: null };
const KILLED: DynoExit = { code: 137, signal: null };
/** A shim needs moments to write the status of a process that has ended, once it has a processor. Only where it was killed
 *  as well is all of this waited for. */
const STATUS_GRACE_MS = 2_000;
/** A sandbox that takes longer is not waited for. */
const SANDBOX_PATIENCE_MS = 10_000;
/** Processes that even SIGKILL cannot end in this time hang in the kernel; nothing can be done about them. */
const KILL_PATIENCE_MS = 10_000;

export class LocalRun {
  /** `<app>/run/<name>` in the directory of the apps. */
  directory: string;
  readonly #host: RunHost;
  /** HOME of its processes, which are told by it: where the run began, whatever its app is called since. */
  readonly #home: string;
  readonly #bonds: Bonds;
  #instance: Instance;
  /** Known from the moment in which the shim names the process that leads it. */
  #tree: ProcessTree | undefined;
  #watcher: FSWatcher | undefined;
  #hasShim = false;
  #shimStatus: number | undefined;
  #terminated = false;
  #killed = false;
  readonly #terminatedPids = new Set<number>();
  #ended: Promise<void> | undefined;
  #checking: Promise<void> | undefined;
  #checkAgain = false;
  #goneSince: number | undefined;
  #tellKnown = (): void => undefined;
  /** Resolves when the process is known. */
  readonly known = new Promise<void>((resolve) => {
    this.#tellKnown = resolve;
  });

  constructor(directory: string, record: RunRecord, host: RunHost) {
    this.directory = directory;
    this.#host = host;
    const { bootId: _boot, createdAt, bonds = {}, ...spec } = record;
    const appDirectory = dirname(dirname(directory));
    this.#home = join(dirname(appDirectory), spec.app, "run", basename(directory), "app");
    this.#bonds = bonds;
    this.#instance = {
      ...spec,
      app: basename(appDirectory),
      ps: `${spec.type}.${String(spec.slot)}`,
      phase: "pending",
      since: createdAt,
      spool: join(directory, "out"),
    };
  }

  /** Its app has another name now, and its directory lies there. */
  moveTo(directory: string): void {
    this.directory = directory;
    this.#instance = { ...this.#instance, app: basename(dirname(dirname(directory))), spool: join(directory, "out") };
    if (this.#tree !== undefined) this.#tree = this.#makeTree(this.#tree.leader);
  }

  #makeTree(leader: { pid: number; startTime: string }): ProcessTree {
    const { pid, startTime } = leader;
    return new ProcessTree(this.directory, { pid, startTime, home: this.#home }, this.#bonds, this.#host.table);
  }

  get instance(): Instance {
    return this.#instance;
  }

  /** From now on every change of the directory is looked at. */
  observe(): void {
    try {
      // `state` alone: the spool beside it is written to all the time.
      this.#watcher = watch(join(this.directory, "state"), { persistent: false }, (_event, file) => {
        if (file !== "claim") void this.check();
      });
      this.#watcher.on("error", () => this.unobserve());
    } catch {
      // Out of watches: the sweep has to do.
    }
  }

  unobserve(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  follow(keeper: Keeper): void {
    this.#hasShim = true;
    void keeper.then(({ status }) => {
      this.#hasShim = false;
      // One that became bubblewrap and was killed, or could not make the sandbox, has written nothing.
      if (this.#bonds.sandboxed === true) this.#shimStatus = status;
      return this.check();
    });
  }

  get hasShim(): boolean {
    return this.#hasShim;
  }

  /** Reads what the directory says. Never overlaps with itself; a call during a look makes for another look. */
  check(): Promise<void> {
    this.#checkAgain = true;
    this.#checking ??= this.#checkWhileAsked().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  async #checkWhileAsked(): Promise<void> {
    while (this.#checkAgain) {
      this.#checkAgain = false;
      if (this.#instance.phase === "pending") await this.#lookForPid();
      if (this.#instance.phase === "running" && this.#ended === undefined) await this.#lookForEnd();
    }
  }

  async #lookForPid(): Promise<void> {
    const found = readPid(this.directory);
    if (found === undefined) return;
    const { pid, startTime, since } = found;
    this.#tree = this.#makeTree({ pid, startTime });
    const app = this.#bonds.sandboxed === true ? await this.#waitForApp(this.#tree) : undefined;
    this.#change({ phase: "running", ...(app ?? { pid, startTime }), since, startedAt: since });
  }

  /** In a sandbox the app begins some milliseconds after its leader, which is bubblewrap. Undefined when it never comes so
   *  far, or is gone already. */
  async #waitForApp(tree: ProcessTree): Promise<{ pid: number; startTime: string } | undefined> {
    const { clock, table } = this.#host;
    const deadline = clock.now() + SANDBOX_PATIENCE_MS;
    for (let pause = 4; clock.now() < deadline; pause = Math.min(25, pause * 1.5)) {
      const pid = await tree.appPid();
      const startTime = pid === undefined ? undefined : await table.startTime(pid);
      if (pid !== undefined && startTime !== undefined) return { pid, startTime };
      if (!(await tree.leads())) return undefined;
      await clock.sleep(pause);
    }
    return undefined;
  }

  async #lookForEnd(): Promise<void> {
    const exit = readExit(this.directory);
    if (exit !== undefined) return this.#end({ code: exit.code, signal: null }, exit.since);
    if (this.hasShim) return;
    if (await this.#knownTree().leads()) return;
    if (this.#shimStatus !== undefined) {
      return this.#end({ code: this.#shimStatus, signal: null }, this.#host.clock.now());
    }
    const now = this.#host.clock.now();
    this.#goneSince ??= now;
    if (now - this.#goneSince >= STATUS_GRACE_MS) this.#end(this.#killed ? KILLED : LOST, now);
  }

  /** Takes over a run that another daemon began; in the end it is known whether it still runs. */
  async resume(): Promise<void> {
    this.observe();
    await this.check();
    // Dead and without a status: its shim may be about to write it, or is dead as well.
    while (this.#goneSince !== undefined && this.#ended === undefined) {
      await this.#host.clock.sleep(20);
      await this.check();
    }
    await this.#ended;
  }

  /** It was of an earlier boot of the machine: its pid says nothing now. */
  async bury(): Promise<void> {
    const exit = readExit(this.directory);
    if (this.#bonds.cgroup !== undefined) await removeCgroup(this.#bonds.cgroup, this.#host.clock);
    const since = exit?.since ?? this.#host.clock.now();
    this.#change({ phase: "exited", exit: exit === undefined ? LOST : { code: exit.code, signal: null }, since });
  }

  #end(exit: DynoExit, since: number): void {
    this.unobserve();
    this.#ended = this.#clear().then(() => this.#change({ phase: "exited", exit, since }));
  }

  /** After its leader the rest goes too: at once after a crash, in its own time after SIGTERM. */
  async #clear(): Promise<void> {
    const tree = this.#knownTree();
    const { clock } = this.#host;
    let killingSince: number | undefined;
    for (let pause = 5; ; pause = Math.min(200, pause * 2)) {
      if ((await tree.members()).length === 0) break;
      const isKilling = this.#killed || !this.#terminated;
      if (isKilling) killingSince ??= clock.now();
      if (killingSince !== undefined && clock.now() - killingSince > KILL_PATIENCE_MS) break;
      if (isKilling) await tree.kill();
      else await this.#terminate(tree);
      await clock.sleep(pause);
    }
    if (this.#bonds.cgroup !== undefined) await removeCgroup(this.#bonds.cgroup, clock);
    // The kernel's directory of an overlay may be entered by nobody; anybody's `rm` would fail at it.
    await chmod(join(this.directory, SCRATCH, "work"), 0o700).catch(() => undefined);
  }

  async signal(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    if (this.#instance.phase !== "running") return;
    const tree = this.#knownTree();
    this.#terminated = true;
    if (signal === "SIGTERM") return this.#terminate(tree);
    this.#killed = true;
    await tree.kill();
  }

  async #terminate(tree: ProcessTree): Promise<void> {
    const group = this.#bonds.sandboxed === true ? undefined : await this.#terminateGroup(tree);
    const members = await tree.appMembers();
    for (const member of members) {
      if (member.group === group) this.#terminatedPids.add(member.pid);
      this.#tell(member.pid);
    }
    // A relay passes on what it is told before it has a command. It may have got one since the look, and then takes it for told.
    if (this.#instance.attached !== true || members.length !== 1) return;
    for (const { pid } of await tree.appMembers()) this.#tell(pid);
  }

  /** All at once, so that no child slips through. Only the first time, as a second SIGTERM would meet the same processes. */
  async #terminateGroup(tree: ProcessTree): Promise<number | undefined> {
    const { pid } = tree.leader;
    if (this.#terminatedPids.has(pid) || !(await tree.leads())) return undefined;
    // Right after its birth the process has not made its group yet.
    if (!sendSignal(-pid, "SIGTERM")) sendSignal(pid, "SIGTERM");
    this.#terminatedPids.add(pid);
    return pid;
  }

  /** A second SIGTERM makes many programs quit less gently, so each process gets one. */
  #tell(pid: number): void {
    if (this.#terminatedPids.has(pid)) return;
    this.#terminatedPids.add(pid);
    sendSignal(pid, "SIGTERM");
  }

  async memory(): Promise<number | undefined> {
    return this.#instance.phase === "running" ? this.#knownTree().memory() : undefined;
  }

  async listening(port: number): Promise<Listening | undefined> {
    if (this.#instance.phase !== "running") return undefined;
    const tree = this.#knownTree();
    return readListening((await tree.appPid()) ?? tree.leader.pid, port, () => tree.members());
  }

  #knownTree(): ProcessTree {
    if (this.#tree === undefined) throw new Error(`Run ${this.directory} has no process.`);
    return this.#tree;
  }

  #change(change: Partial<Instance>): void {
    this.#instance = { ...this.#instance, ...change };
    if (this.#instance.phase !== "pending") this.#tellKnown();
    this.#host.changed(this.#instance);
  }
}
