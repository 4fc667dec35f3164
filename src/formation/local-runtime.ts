/** The runtime of this machine: each process in a directory of its own under `apps/<app>/run`, behind a shim that
 *  outlives the daemon. A new daemon finds everything again from the directories alone. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { makeAppDirectory } from "./app-directory.ts";
import { LocalRun } from "./local-run.ts";
import type { RunHost } from "./local-run.ts";
import { processTable } from "./process-table.ts";
import { claimRun, readPid, readRecord, removeRun, writeRecord } from "./run-record.ts";
import type { Instance, InstanceListener, Runtime, StartSpec } from "./runtime.ts";
import { findShimPrograms, SHIM } from "./shim.ts";
import type { ShimPrograms } from "./shim.ts";

export interface LocalRuntimeOptions {
  /** The directory that holds `<app>/run`. */
  readonly appsDirectory: string;
  readonly clock: Clock;
  /** How often processes are looked at that no shim of ours and no watch tells about. */
  readonly sweepMs?: number;
}

const SHIM_PATIENCE_MS = 5_000;

export class LocalRuntime implements Runtime {
  readonly #options: LocalRuntimeOptions;
  readonly #programs: ShimPrograms;
  readonly #bootId: string;
  readonly #host: RunHost;
  readonly #runs = new Map<string, LocalRun>();
  /** Names of directories that are being made or are known. */
  readonly #directories = new Set<string>();
  /** Those that are being taken over, so that everybody who asks meanwhile waits for them. */
  readonly #loading = new Map<string, Promise<void>>();
  readonly #listeners = new Set<InstanceListener>();
  readonly #closed = new AbortController();

  static async open(options: LocalRuntimeOptions): Promise<LocalRuntime> {
    return new LocalRuntime(options, await findShimPrograms(), await processTable.bootId());
  }

  private constructor(options: LocalRuntimeOptions, programs: ShimPrograms, bootId: string) {
    this.#options = options;
    this.#programs = programs;
    this.#bootId = bootId;
    this.#host = {
      clock: options.clock,
      table: processTable,
      changed: (instance) => this.#tell(instance),
    };
    void this.#sweepForEver();
  }

  async start(spec: StartSpec, signal?: AbortSignal): Promise<Instance> {
    const { env: _env, appDir, limits: _limits, ...rest } = spec;
    const name = `${spec.type}.${String(spec.slot)}.${String(spec.release)}.${spec.id.slice(0, 8)}`;
    const directory = join(this.#runDirectory(spec.app), name);
    this.#directories.add(directory);
    const record = { ...rest, bootId: this.#bootId, createdAt: this.#options.clock.now() };
    const run = new LocalRun(directory, record, this.#host);
    try {
      await mkdir(join(directory, "state"), { recursive: true, mode: 0o700 });
      await writeRecord(directory, record);
      await writeFile(run.instance.spool, "", { mode: 0o600, flag: "a" });
      const given = AbortSignal.any([this.#closed.signal, ...(signal === undefined ? [] : [signal])]);
      await makeAppDirectory(appDir, join(directory, "app"), given);
      given.throwIfAborted();
      this.#runs.set(spec.id, run);
      await this.#spawn(run, spec);
      return run.instance;
    } catch (error) {
      run.unobserve();
      this.#runs.delete(spec.id);
      await removeRun(directory);
      this.#directories.delete(directory);
      throw error;
    }
  }

  async #spawn(run: LocalRun, { command, env, limits = {} }: StartSpec): Promise<void> {
    run.observe();
    const counts = [limits.openFiles ?? "", limits.processes ?? ""].map(String);
    const { session, shell } = this.#programs;
    // The shim sets HOME itself, so that only what it starts has it; a shell has its own idea of OPTIND.
    const { HOME: _home, OPTIND: _optind, ...rest } = env;
    const words = [run.directory, session, shell, command, ...counts];
    const shim = spawn("/bin/sh", ["-c", SHIM, "git-heroku-shim", ...words], {
      cwd: join(run.directory, "app"),
      env: rest,
      detached: true,
      stdio: "ignore",
    });
    const failed = once(shim, "exit");
    run.follow(shim);
    await Promise.race([run.known, failed]);
    // The shim of a process that has ended already may be the first to say so.
    await run.check();
    if (run.instance.phase === "pending") throw new Error("the shell that should start it ended at once");
  }

  async signal(id: string, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    await this.#runs.get(id)?.signal(signal);
  }

  async memory(id: string): Promise<number | undefined> {
    return this.#runs.get(id)?.memory();
  }

  async ownsPort(id: string, port: number): Promise<boolean | undefined> {
    return this.#runs.get(id)?.ownsPort(port);
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
    } else return this.#discard(directory);
    this.#runs.set(record.id, run);
  }

  async #discard(directory: string): Promise<void> {
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
  while ((await readPid(directory)) === undefined) {
    if (clock.now() >= deadline) return false;
    await clock.sleep(20);
  }
  return true;
}
