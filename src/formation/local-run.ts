/** One run on this machine: a directory, the shim that writes to it, and the processes that belong to it.
 *  It notices the pid and the end by watching the directory, by its child (the shim) and by a sweep for the rest. */
import type { ChildProcess } from "node:child_process";
import { watch } from "node:fs";
import type { FSWatcher } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import type { DynoExit } from "../core/dyno.ts";
import { ownsPort } from "./port-owner.ts";
import { isAlive, sendSignal } from "./process-table.ts";
import type { Leader, Member, ProcessTable } from "./process-table.ts";
import { readExit, readPid } from "./run-record.ts";
import type { RunRecord } from "./run-record.ts";
import type { Instance } from "./runtime.ts";

export interface RunHost {
  readonly clock: Clock;
  readonly table: ProcessTable;
  changed(instance: Instance): void;
}

const LOST: DynoExit = { code: null, signal: null };
/** A shim needs moments to write the status of a process that has ended. */
const STATUS_GRACE_MS = 300;
/** Processes that even SIGKILL cannot end in this time hang in the kernel; nothing can be done about them. */
const KILL_PATIENCE_MS = 10_000;

export class LocalRun {
  readonly directory: string;
  readonly #host: RunHost;
  #instance: Instance;
  #watcher: FSWatcher | undefined;
  #shim: ChildProcess | undefined;
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
    const { bootId: _boot, createdAt, ...spec } = record;
    this.#instance = {
      ...spec,
      ps: `${spec.type}.${String(spec.slot)}`,
      phase: "pending",
      since: createdAt,
      spool: join(directory, "out"),
    };
  }

  get instance(): Instance {
    return this.#instance;
  }

  /** From now on every change of the directory is looked at. */
  observe(): void {
    try {
      // `state` alone: the spool beside it is written to all the time.
      this.#watcher = watch(join(this.directory, "state"), { persistent: false }, () => void this.check());
      this.#watcher.on("error", () => this.unobserve());
    } catch {
      // Out of watches: the sweep has to do.
    }
  }

  unobserve(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  follow(shim: ChildProcess): void {
    this.#shim = shim;
    const ended = (): void => {
      this.#shim = undefined;
      void this.check();
    };
    shim.once("exit", ended).once("error", ended);
    shim.unref();
  }

  get hasShim(): boolean {
    return this.#shim !== undefined;
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
    const found = await readPid(this.directory);
    if (found === undefined) return;
    this.#change({
      phase: "running",
      pid: found.pid,
      startTime: found.startTime,
      since: found.since,
      startedAt: found.since,
    });
  }

  async #lookForEnd(): Promise<void> {
    const exit = await readExit(this.directory);
    if (exit !== undefined) return this.#end({ code: exit.code, signal: null }, exit.since);
    if (this.hasShim) return;
    if (await isAlive(this.#host.table, this.#leader())) return;
    const now = this.#host.clock.now();
    this.#goneSince ??= now;
    if (now - this.#goneSince >= STATUS_GRACE_MS) this.#end(LOST, now);
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
    const exit = await readExit(this.directory);
    const since = exit?.since ?? this.#host.clock.now();
    this.#change({ phase: "exited", exit: exit === undefined ? LOST : { code: exit.code, signal: null }, since });
  }

  #end(exit: DynoExit, since: number): void {
    this.unobserve();
    this.#ended = this.#clear().then(() => this.#change({ phase: "exited", exit, since }));
  }

  /** After its leader the rest goes too: at once after a crash, in its own time after SIGTERM. */
  async #clear(): Promise<void> {
    const { clock } = this.#host;
    let killingSince: number | undefined;
    for (let pause = 5; ; pause = Math.min(200, pause * 2)) {
      const members = await this.#members();
      if (members.length === 0) return;
      const isKilling = this.#killed || !this.#terminated;
      if (isKilling) killingSince ??= clock.now();
      if (killingSince !== undefined && clock.now() - killingSince > KILL_PATIENCE_MS) return;
      for (const { pid } of members) this.#tell(pid, isKilling ? "SIGKILL" : "SIGTERM");
      await clock.sleep(pause);
    }
  }

  async signal(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    if (this.#instance.phase !== "running") return;
    this.#terminated = true;
    if (signal === "SIGKILL") this.#killed = true;
    const leader = this.#leader();
    const alive = await isAlive(this.#host.table, leader);
    // Right after its birth the process has not made its group yet.
    const groupTold = alive && (sendSignal(-leader.pid, signal) || sendSignal(leader.pid, signal));
    for (const member of await this.#members()) {
      if (groupTold && member.group === leader.pid) this.#terminatedPids.add(member.pid);
      this.#tell(member.pid, signal);
    }
  }

  /** A second SIGTERM makes many programs quit less gently, so each process gets one. */
  #tell(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
    if (signal === "SIGTERM" && this.#terminatedPids.has(pid)) return;
    this.#terminatedPids.add(pid);
    sendSignal(pid, signal);
  }

  async memory(): Promise<number | undefined> {
    if (this.#instance.phase !== "running") return undefined;
    let bytes = 0;
    for (const { pid } of await this.#members()) bytes += await this.#host.table.memory(pid);
    return bytes;
  }

  async ownsPort(port: number): Promise<boolean | undefined> {
    if (this.#instance.phase !== "running") return undefined;
    return ownsPort(this.#leader(), port, () => this.#members());
  }

  #members(): Promise<Member[]> {
    return this.#host.table.members(this.#leader());
  }

  #leader(): Leader {
    const { pid, startTime } = this.#instance;
    if (pid === undefined || startTime === undefined) throw new Error(`Run ${this.directory} has no process.`);
    return { pid, startTime, home: join(this.directory, "app") };
  }

  #change(change: Partial<Instance>): void {
    this.#instance = { ...this.#instance, ...change };
    if (this.#instance.phase !== "pending") this.#tellKnown();
    this.#host.changed(this.#instance);
  }
}
