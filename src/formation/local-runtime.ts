/** The runtime of this machine: each process in a directory of its own under `apps/<app>/run`, behind a shim that
 *  outlives the daemon. A new daemon finds everything again from the directories alone. */
import { accessSync, chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as otherWork } from "node:timers/promises";
import type { Clock } from "../core/clock.ts";
import { makeAppDirectory, viewOf } from "./app-directory.ts";
import { makeCgroup, removeCgroup } from "./cgroup.ts";
import type { Cgroup } from "./cgroup.ts";
import { giveAll, giveOnce } from "./give-files.ts";
import { NO_ISOLATION } from "./isolation.ts";
import type { Isolation } from "./isolation.ts";
import { Launcher, startShim } from "./launcher.ts";
import type { Keeper } from "./launcher.ts";
import { LocalRun } from "./local-run.ts";
import type { RunHost } from "./local-run.ts";
import type { Listening } from "./port-owner.ts";
import { processTable } from "./process-table.ts";
import { claimRun, readPid, readRecord, removeRun, writeRecord } from "./run-record.ts";
import { CHANGES, launchRequest, OVERLAY_DIRECTORIES, planRun, shimWords } from "./run-plan.ts";
import type { RunPlan } from "./run-plan.ts";
import type { Instance, InstanceListener, Runtime, StartSpec } from "./runtime.ts";
import { findShimPrograms } from "./shim.ts";
import type { ShimPrograms } from "./shim.ts";
import { spreadRuns } from "./spread-runs.ts";
import { findSystemCalls } from "./system-calls.ts";

export interface LocalRuntimeOptions {
  /** The directory that holds `<app>/run`. */
  readonly appsDirectory: string;
  readonly clock: Clock;
  /** What the machine can do; the first start waits for it. Without it, processes are shut in by nothing. */
  readonly isolation?: Isolation | Promise<Isolation>;
  /** How often processes are looked at that no shim of ours and no watch tells about. */
  readonly sweepMs?: number;
  /** False: the daemon starts each shim itself, as on a machine without perl. */
  readonly withLauncher?: boolean;
}

const SHIM_PATIENCE_MS = 5_000;

export class LocalRuntime implements Runtime {
  readonly #options: LocalRuntimeOptions;
  readonly #programs: ShimPrograms;
  readonly #launcher: Launcher | undefined;
  readonly #isolation: Isolation | Promise<Isolation>;
  readonly #bootId: string;
  readonly #host: RunHost;
  readonly #runs = new Map<string, LocalRun>();
  /** Names of directories that are being made or are known. */
  readonly #directories = new Set<string>();
  /** Those that are being taken over, so that everybody who asks meanwhile waits for them. */
  readonly #loading = new Map<string, Promise<void>>();
  /** Directories of apps, and whether they are prepared yet. */
  readonly #prepared = new Map<string, Promise<void>>();
  readonly #listeners = new Set<InstanceListener>();
  readonly #closed = new AbortController();
  /** Starts that come together take turns, with other work between them. */
  #turn: Promise<void> = Promise.resolve();

  static async open(options: LocalRuntimeOptions): Promise<LocalRuntime> {
    const calls = options.withLauncher === false ? undefined : await findSystemCalls();
    const launcher = calls === undefined ? undefined : new Launcher(calls);
    return new LocalRuntime(options, await findShimPrograms(), launcher, await processTable.bootId());
  }

  private constructor(
    options: LocalRuntimeOptions,
    programs: ShimPrograms,
    launcher: Launcher | undefined,
    bootId: string,
  ) {
    this.#options = options;
    this.#programs = programs;
    this.#launcher = launcher;
    this.#isolation = options.isolation ?? NO_ISOLATION;
    this.#bootId = bootId;
    this.#host = {
      clock: options.clock,
      table: processTable,
      changed: (instance) => this.#tell(instance),
    };
    void this.#sweepForEver();
  }

  async start(spec: StartSpec, signal?: AbortSignal): Promise<Instance> {
    const { env: _env, appDir: _appDir, limits: _limits, confinement: _confinement, ...rest } = spec;
    const isolation = await this.#isolation;
    await (this.#turn = this.#turn.then(() => otherWork()));
    const name = `${spec.type}.${String(spec.slot)}.${String(spec.release)}.${spec.id.slice(0, 8)}`;
    const directory = join(this.#runDirectory(spec.app), name);
    this.#directories.add(directory);
    const plan = planRun(isolation, spec, directory);
    const record = { ...rest, bonds: plan.bonds, bootId: this.#bootId, createdAt: this.#options.clock.now() };
    const run = new LocalRun(directory, record, this.#host);
    try {
      await this.#prepare(this.#runDirectory(spec.app));
      mkdirSync(join(directory, "state"), { recursive: true, mode: 0o700 });
      writeRecord(directory, record);
      const given = AbortSignal.any([this.#closed.signal, ...(signal === undefined ? [] : [signal])]);
      await layOut(directory, plan, spec, given);
      given.throwIfAborted();
      this.#runs.set(spec.id, run);
      await this.#spawn(run, plan);
      return run.instance;
    } catch (error) {
      run.unobserve();
      this.#runs.delete(spec.id);
      await this.#discard(directory, plan.bonds.cgroup);
      throw error;
    }
  }

  /** Once for each app, however many of its processes start together. */
  #prepare(runs: string): Promise<void> {
    let preparing = this.#prepared.get(runs);
    if (preparing === undefined || !existsSync(runs)) {
      mkdirSync(runs, { recursive: true, mode: 0o700 });
      preparing = spreadRuns(runs);
      this.#prepared.set(runs, preparing);
    }
    return preparing;
  }

  async #spawn(run: LocalRun, plan: RunPlan): Promise<void> {
    run.observe();
    const { ended: keeper } = await this.#launch(plan);
    run.follow(keeper);
    const early = await Promise.race([run.known, keeper]);
    // The shim of a process that has ended already may be the first to say so.
    await run.check();
    if (run.instance.phase !== "pending") return;
    // Of a keeper whose launcher was killed in this moment nobody knows more than of one of an earlier daemon.
    if (early?.status === undefined && (await hasProcess(plan.directory, this.#options.clock))) return run.check();
    throw new Error(early?.failure ?? "the shell that should start it ended at once");
  }

  async #launch(plan: RunPlan): Promise<{ ended: Keeper }> {
    // The shim sets HOME itself, so that only what it starts has it; a shell has its own idea of OPTIND.
    const { HOME: _home, OPTIND: _optind, ...env } = plan.spec.env;
    const launcher = this.#launcher;
    if (launcher !== undefined) return { ended: launcher.start(await launchRequest(plan, env, this.#programs.shell)) };
    const cwd = join(plan.directory, plan.view === "overlay" ? "." : "app");
    return { ended: startShim(await shimWords(plan, this.#programs), cwd, env) };
  }

  async signal(id: string, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    await this.#runs.get(id)?.signal(signal);
  }

  async memory(id: string): Promise<number | undefined> {
    return this.#runs.get(id)?.memory();
  }

  async listening(id: string, port: number): Promise<Listening | undefined> {
    return this.#runs.get(id)?.listening(port);
  }

  async list(app: string): Promise<Instance[]> {
    const root = this.#runDirectory(app);
    const names = await readdir(root).catch(() => []);
    await Promise.all(names.map((name) => this.#loadOnce(join(root, name))));
    return [...this.#runs.values()].map((run) => run.instance).filter((instance) => instance.app === app);
  }

  #loadOnce(directory: string): Promise<void> {
    const known = this.#loading.get(directory);
    if (known !== undefined) return known;
    const loading = this.#load(directory).finally(() => this.#loading.delete(directory));
    this.#loading.set(directory, loading);
    return loading;
  }

  /** Takes over what another daemon left. */
  async #load(directory: string): Promise<void> {
    if (this.#directories.has(directory)) return;
    this.#directories.add(directory);
    const record = await readRecord(directory);
    if (record === undefined) return this.#discard(directory);
    const run = new LocalRun(directory, record, this.#host);
    if (record.bootId !== this.#bootId) {
      await run.bury();
    } else if (await hasProcess(directory, this.#options.clock)) {
      await run.resume();
    } else return this.#discard(directory, record.bonds?.cgroup);
    this.#runs.set(record.id, run);
  }

  /** The record goes last: what it names is gone before that. */
  async #discard(directory: string, cgroup?: Cgroup): Promise<void> {
    if (cgroup !== undefined) await removeCgroup(cgroup, this.#options.clock);
    await removeRun(directory);
    this.#directories.delete(directory);
  }

  watch(listener: InstanceListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async forget(id: string): Promise<void> {
    const run = this.#runs.get(id);
    if (run === undefined) return;
    run.unobserve();
    this.#runs.delete(id);
    await this.#discard(run.directory);
  }

  async close(options: { detach: boolean }): Promise<void> {
    this.#closed.abort();
    if (!options.detach) await this.#endAll();
    for (const run of this.#runs.values()) run.unobserve();
    this.#launcher?.close();
    this.#listeners.clear();
  }

  /** What no caller has asked about yet, such as the runs of an earlier daemon, ends as well. */
  async #endAll(): Promise<void> {
    for (const app of await readdir(this.#options.appsDirectory).catch(() => [])) await this.list(app);
    await Promise.all([...this.#runs.values()].map((run) => this.#end(run)));
  }

  async #end(run: LocalRun): Promise<void> {
    const { clock } = this.#options;
    const deadline = clock.now() + SHIM_PATIENCE_MS;
    while (run.instance.phase === "pending" && run.hasShim && clock.now() < deadline) {
      await clock.sleep(10);
      await run.check();
    }
    await run.signal("SIGKILL");
    while (run.instance.phase === "running") {
      await this.#options.clock.sleep(10);
      await run.check();
    }
  }

  #tell(instance: Instance): void {
    for (const listener of this.#listeners) listener(instance);
  }

  async #sweepForEver(): Promise<void> {
    const { clock, sweepMs = 1_000 } = this.#options;
    for (;;) {
      await clock.sleep(sweepMs, this.#closed.signal);
      if (this.#closed.signal.aborted) return;
      for (const run of this.#runs.values()) if (!run.hasShim) await run.check();
    }
  }

  #runDirectory(app: string): string {
    return join(this.#options.appsDirectory, app, "run");
  }
}

/** A daemon may die between making the directory and starting the shim: then the claim is ours. A shim that has claimed
 *  the run names its process in a moment. */
async function hasProcess(directory: string, clock: Clock): Promise<boolean> {
  if (await claimRun(directory)) return false;
  const deadline = clock.now() + SHIM_PATIENCE_MS;
  while (readPid(directory) === undefined) {
    if (clock.now() >= deadline) return false;
    await clock.sleep(20);
  }
  return true;
}

/** What lies in the directory of a run before anything runs, and its control groups. */
async function layOut(directory: string, plan: RunPlan, spec: StartSpec, signal: AbortSignal): Promise<void> {
  const app = join(directory, "app");
  writeFileSync(join(directory, "out"), "", { mode: 0o600, flag: "a" });
  if (plan.view === "files") await makeAppDirectory(spec.appDir, app, signal);
  else {
    accessSync(spec.appDir);
    mkdirSync(app);
  }
  if (plan.view === "overlay") for (const name of OVERLAY_DIRECTORIES) mkdirSync(join(directory, name));
  if (plan.sandbox !== undefined) {
    mkdirSync(join(directory, "tmp"));
    // For whatever user the app may become; the platform's umask is not the app's.
    chmodSync(join(directory, "tmp"), 0o1777);
  }
  if (plan.user !== undefined) await giveToUser(directory, plan, plan.user);
  if (plan.bonds.cgroup !== undefined) makeCgroup(plan.bonds.cgroup, spec.limits ?? {});
}

async function giveToUser(directory: string, { view, spec }: RunPlan, user: number): Promise<void> {
  // Programs open what they write to once more, by /dev/stdout.
  chownSync(join(directory, "out"), user, user);
  if (view === "files") return giveAll(join(directory, "app"), user);
  if (view === "overlay") chownSync(join(directory, CHANGES), user, user);
  for (const built of viewOf(spec.appDir).directories) await giveOnce(built, user);
}
