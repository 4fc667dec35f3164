/** The runtime of this machine: each process in a directory of its own under `apps/<app>/run`, behind a shim that
 *  outlives the daemon. A new daemon finds everything again from the directories alone. */
import { existsSync, mkdirSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Duplex } from "node:stream";
import { setImmediate as otherWork } from "node:timers/promises";
import type { Clock } from "../core/clock.ts";
import { removeCgroup } from "./cgroup.ts";
import type { Cgroup } from "./cgroup.ts";
import { NO_ISOLATION } from "./isolation.ts";
import type { Isolation } from "./isolation.ts";
import { Launcher, startShim } from "./launcher.ts";
import type { Keeper } from "./launcher.ts";
import { layOut } from "./lay-out.ts";
import { LocalRun } from "./local-run.ts";
import type { RunHost } from "./local-run.ts";
import type { Listening } from "./port-owner.ts";
import { processTable } from "./process-table.ts";
import { relayEnvironment, relayWords } from "./relay-program.ts";
import { Relays } from "./relays.ts";
import { hasProcess, readRecord, removeRun, SHIM_PATIENCE_MS, writeRecord } from "./run-record.ts";
import { launchRequest, planRun, shimWords } from "./run-plan.ts";
import type { RunPlan } from "./run-plan.ts";
import type { Instance, InstanceListener, Runtime, StartSpec } from "./runtime.ts";
import { findShimPrograms } from "./shim.ts";
import type { ShimPrograms } from "./shim.ts";
import { spreadRuns } from "./spread-runs.ts";
import { findSystemCalls, type SystemCalls } from "./system-calls.ts";

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

export class LocalRuntime implements Runtime {
  readonly #options: LocalRuntimeOptions;
  readonly #programs: ShimPrograms;
  readonly #calls: SystemCalls | undefined;
  readonly #launcher: Launcher | undefined;
  readonly #isolation: Isolation | Promise<Isolation>;
  readonly #bootId: string;
  readonly #host: RunHost;
  readonly #runs = new Map<string, LocalRun>();
  readonly #relays = new Relays();
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
    return new LocalRuntime(options, await findShimPrograms(), calls, await processTable.bootId());
  }

  private constructor(
    options: LocalRuntimeOptions,
    programs: ShimPrograms,
    calls: SystemCalls | undefined,
    bootId: string,
  ) {
    this.#options = options;
    this.#programs = programs;
    this.#calls = calls;
    this.#launcher = calls === undefined ? undefined : new Launcher(calls);
    this.#isolation = options.isolation ?? NO_ISOLATION;
    this.#bootId = bootId;
    this.#host = {
      clock: options.clock,
      table: processTable,
      changed: (instance) => this.#tell(instance),
    };
    void this.#sweepForEver();
  }

  get canAttach(): boolean {
    return this.#launcher !== undefined;
  }

  async start(spec: StartSpec, signal?: AbortSignal): Promise<Instance> {
    const { env: _env, appDir: _appDir, limits: _limits, confinement: _confinement, attach, ...rest } = spec;
    const isolation = await this.#isolation;
    await (this.#turn = this.#turn.then(() => otherWork()));
    const name = `${spec.type}.${String(spec.slot)}.${String(spec.release)}.${spec.id.slice(0, 8)}`;
    const directory = join(this.#runDirectory(spec.app), name);
    this.#directories.add(directory);
    const plan = planRun(isolation, spec, directory);
    const attached = attach === undefined ? {} : { attached: true };
    const record = {
      ...rest,
      ...attached,
      bonds: plan.bonds,
      bootId: this.#bootId,
      createdAt: this.#options.clock.now(),
    };
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
      this.#relays.remove(spec.id);
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

  relay(id: string): Duplex | undefined {
    return this.#relays.get(id);
  }

  async #launch(plan: RunPlan): Promise<{ ended: Keeper }> {
    // The shim sets HOME itself, so that only what it starts has it; a shell has its own idea of OPTIND.
    const { HOME: _home, OPTIND: _optind, ...env } = plan.spec.env;
    const { shell } = this.#programs;
    const { directory, spec } = plan;
    const { id, attach } = spec;
    const [calls, launcher] = [this.#calls, this.#launcher];
    if (launcher !== undefined && calls !== undefined) {
      if (attach === undefined) return { ended: launcher.start(await launchRequest(plan, env, { shell })) };
      const request = await launchRequest(plan, relayEnvironment(env), { shell, relay: relayWords(calls, attach) });
      return this.#relays.admit(id, directory, async () => ({ ended: launcher.start(request) }));
    }
    if (attach !== undefined) throw new Error("nobody can be attached without a launcher");
    const cwd = join(directory, plan.view === "overlay" ? "." : "app");
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

  renameApp(from: string, to: string): void {
    const [before, now] = [this.#runDirectory(from), this.#runDirectory(to)];
    for (const run of this.#runs.values()) {
      if (dirname(run.directory) === before) run.moveTo(join(now, basename(run.directory)));
    }
    const moved = [...this.#directories].filter((directory) => dirname(directory) === before);
    for (const directory of moved) {
      this.#directories.delete(directory);
      this.#directories.add(join(now, basename(directory)));
    }
    this.#prepared.delete(before);
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
    this.#relays.forget(id);
    this.#runs.delete(id);
    await this.#discard(run.directory);
  }

  async close(options: { detach: boolean }): Promise<void> {
    this.#closed.abort();
    if (!options.detach) await this.#endAll();
    for (const run of this.#runs.values()) run.unobserve();
    this.#relays.close();
    this.#launcher?.close();
    this.#listeners.clear();
  }

  /** What no caller has asked about yet, such as the runs of an earlier daemon, ends as well. */
  async #endAll(): Promise<void> {
    const entries = await readdir(this.#options.appsDirectory, { withFileTypes: true }).catch(() => []);
    // A link is the name that an app had before.
    for (const entry of entries) if (entry.isDirectory()) await this.list(entry.name);
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
