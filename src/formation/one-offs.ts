/** The one-off processes of one app, `run.1`, `run.2` …, beside its formation: a new release, a scale or a restart does
 *  not touch them. They outlive the daemon as all processes do; the next daemon takes them over. The release phase of v74,
 *  `release.74`, is one of them that does not: the next daemon stops what is left of it. */
import type { Clock } from "../core/clock.ts";
import { DYNO_RULES } from "../core/dyno.ts";
import { AppError } from "../core/error.ts";
import { compareDynoNames } from "../core/formation-plan.ts";
import { isOneOffType, ONE_OFF_TYPE, RELEASE_TYPE, type OneOffType } from "../core/procfile.ts";
import type { TerminalSize } from "../core/run-frames.ts";
import type { Attachment } from "./attachment.ts";
import { Changes } from "./changes.ts";
import type { Cargo } from "./dyno-host.ts";
import type { DynoInfo } from "./dyno-info.ts";
import { OneOff } from "./one-off.ts";
import type { OneOffEnd, OneOffHost, OneOffRules } from "./one-off.ts";
import type { OneOffNumbers } from "./one-off-numbers.ts";
import type { Attach, Instance, Runtime } from "./runtime.ts";

export interface OneOffsOptions {
  readonly app: string;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly numbers: OneOffNumbers;
  readonly callbacks: Pick<OneOffHost, "log" | "onProcess" | "onExit" | "onEnd" | "onFault">;
}

export interface OneOffOrder {
  /** `run` unless told otherwise. */
  readonly type?: OneOffType;
  /** A UUID made by the caller. */
  readonly id: string;
  readonly release: number;
  readonly command: string;
  readonly cargo: Cargo;
  readonly timeLimitMs: number;
}

/** Somebody wants the input and outputs of the process. */
export interface AttachOrder extends OneOffOrder {
  /** Undefined: pipes. */
  readonly terminal: TerminalSize | undefined;
}

export interface Attached {
  readonly info: DynoInfo;
  readonly attachment: Attachment;
}

/** Heroku's limit for one app. */
export const ONE_OFFS_MAX = 50;
/** Heroku's. */
export const ONE_OFF_TIME_MAX_MS = 86_400_000;

export class OneOffs {
  readonly #options: OneOffsOptions;
  readonly #host: OneOffHost;
  readonly #all = new Map<string, OneOff>();
  readonly #endings = new Set<Promise<void>>();
  readonly #changes = new Changes();
  #rules: OneOffRules = { exitTimeoutMs: DYNO_RULES.exitTimeoutMs, runIdleMs: 3_600_000, runHangUpMs: 5_000 };
  #adopting: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #unwatch = (): void => undefined;

  constructor(options: OneOffsOptions) {
    const { runtime, clock, callbacks } = options;
    this.#options = options;
    this.#host = {
      ...callbacks,
      runtime,
      clock,
      rules: () => this.#rules,
      // Every change of a state is told.
      log: (line) => {
        callbacks.log(line);
        this.#changes.tell();
      },
    };
  }

  configure({ exitTimeoutMs, runIdleMs, runHangUpMs }: OneOffRules): void {
    this.#rules = { exitTimeoutMs, runIdleMs, runHangUpMs };
  }

  /** Resolves when what an earlier daemon left running is known; a failure is told, and the next call tries again. */
  adopted(): Promise<void> {
    this.#adopting ??= this.#adopt().catch((error: unknown) => {
      this.#adopting = undefined;
      this.#unwatch();
      this.#options.callbacks.onFault(error);
    });
    return this.#adopting;
  }

  /** Resolves when something has changed since the call, at the latest when the signal aborts. */
  changed(signal: AbortSignal): Promise<void> {
    return this.#changes.next(signal);
  }

  /** By type and number. */
  list(): DynoInfo[] {
    return this.#sorted().map((one) => one.info);
  }

  has(id: string): boolean {
    return this.#all.has(id);
  }

  /** Resolves when the process runs.
   *  @throws AppError invalid_params when there are too many, unavailable when it cannot be started. */
  async start(order: OneOffOrder): Promise<DynoInfo> {
    return (await this.#start(order)).info;
  }

  /** Resolves when the process runs, for a client that is to come.
   *  @throws AppError as `start`, and unavailable where the machine has not what that takes. */
  async attach({ terminal, ...order }: AttachOrder): Promise<Attached> {
    if (!this.#options.runtime.canAttach) throw cannotAttach();
    const { exitTimeoutMs, runHangUpMs: hangUpMs } = this.#rules;
    const one = await this.#start(order, { terminal, exitTimeoutMs, hangUpMs });
    if (one.attachment === undefined)
      throw new AppError("unavailable", `${one.ps} ended before it could be attached to.`);
    return { info: one.info, attachment: one.attachment };
  }

  /** Resolves when the process has ended, and everything that it wrote is in the log.
   *  @throws AppError as `start`. */
  async run(order: OneOffOrder): Promise<OneOffEnd> {
    return (await this.#start(order)).ended;
  }

  /** Resolves when what an earlier daemon has left of a release phase, which is stopped where it is found, is gone. */
  async endReleases(): Promise<void> {
    await this.adopted();
    const left = [...this.#all.values()].filter(({ type }) => type === RELEASE_TYPE);
    await Promise.all(left.map(({ gone }) => gone));
  }

  async #start(order: OneOffOrder, attach?: Attach): Promise<OneOff> {
    await this.adopted();
    const one = this.#make(order);
    const { id, release, command, timeLimitMs, cargo } = order;
    try {
      if (one.type === ONE_OFF_TYPE) await this.#options.numbers.save();
      await one.start({
        id,
        app: this.#options.app,
        type: one.type,
        slot: one.slot,
        release,
        attempt: 1,
        command,
        env: { ...cargo.env, DYNO: one.ps },
        appDir: cargo.appDir,
        ...(cargo.confinement === undefined ? {} : { confinement: cargo.confinement }),
        ...(attach === undefined ? {} : { attach }),
        timeLimitMs,
      });
    } catch (error) {
      this.#all.delete(id);
      const reason = error instanceof Error ? error.message : String(error);
      throw new AppError("unavailable", `${one.ps} could not be started: ${reason}.`, { cause: error });
    }
    return one;
  }

  #make({ id, release, command, type = ONE_OFF_TYPE }: OneOffOrder): OneOff {
    if (this.#closing !== undefined) throw new AppError("unavailable", `${this.#options.app} is being closed.`);
    // A version is used once, so it is as good as a number of its own.
    const slot = type === RELEASE_TYPE ? release : this.#nextNumber();
    const one = new OneOff({ id, type, slot, release, command }, this.#host);
    this.#all.set(id, one);
    return one;
  }

  #nextNumber(): number {
    const taken = new Set([...this.#all.values()].filter(({ type }) => type === ONE_OFF_TYPE).map(({ slot }) => slot));
    if (taken.size >= ONE_OFFS_MAX) {
      const many = `${this.#options.app} has ${String(ONE_OFFS_MAX)} one-off processes already, and may have no more.`;
      throw new AppError("invalid_params", many, {
        hint: "Wait for one to end, or stop one: `git heroku ps run` lists them, `git heroku ps:stop run.1` stops one.",
      });
    }
    return this.#options.numbers.next((number) => taken.has(number));
  }

  /** Stops one by its name, or all of a type, such as `run`. Returns whether there was any. */
  stop(filter: string): boolean {
    const found = this.#sorted().filter((one) => filter === one.type || one.ps === filter);
    for (const one of found) one.stop();
    return found.length > 0;
  }

  /** Stops one by its id. */
  cancel(id: string): void {
    this.#all.get(id)?.stop();
  }

  /** Ends the work on this app: with `stopApps` when every process is gone, else leaving them all as they are. The first
   *  call decides. */
  shutdown(options: { stopApps: boolean }): Promise<void> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  async #close(options: { stopApps: boolean }): Promise<void> {
    if (options.stopApps) {
      await this.adopted();
      for (const one of this.#all.values()) one.stop();
      await Promise.all([...this.#all.values()].map(({ gone }) => gone));
    }
    await this.#adopting;
    this.#unwatch();
    await Promise.all([...this.#all.values()].map((one) => one.dispose()));
    await Promise.all(this.#endings);
  }

  #sorted(): OneOff[] {
    return [...this.#all.values()].filter((one) => !one.isComplete).sort(compareDynoNames);
  }

  async #adopt(): Promise<void> {
    const { app, runtime, numbers } = this.#options;
    const early = new Map<string, Instance>();
    let notice = (instance: Instance): void => void early.set(instance.id, instance);
    this.#unwatch = runtime.watch((instance) => {
      if (instance.app === app && instance.phase === "exited") notice(instance);
    });
    await numbers.load();
    const found = (await runtime.list(app)).map((instance) => early.get(instance.id) ?? instance);
    notice = (instance) => this.#notice(instance);
    for (const instance of found) {
      if (!isOneOffType(instance.type)) continue;
      const one = new OneOff(instance, this.#host);
      this.#all.set(one.id, one);
      one.adopt(instance);
      if (instance.phase === "exited") this.#notice(instance);
      // Whoever waited for its outcome is gone, and its release has failed.
      else if (one.type === RELEASE_TYPE) one.stop();
    }
  }

  #notice(instance: Instance): void {
    const one = this.#all.get(instance.id);
    if (one === undefined) return;
    const ending = one
      .exited(instance)
      .catch((error: unknown) => this.#options.callbacks.onFault(error))
      .finally(() => {
        this.#all.delete(one.id);
        this.#endings.delete(ending);
      });
    this.#endings.add(ending);
  }
}

function cannotAttach(): AppError {
  return new AppError("unavailable", "Nobody can be attached to a process on this machine.", {
    hint: "That takes perl, on Linux on x86-64 or arm64. Run it detached instead: git heroku run:detached",
  });
}
