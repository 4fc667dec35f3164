/** One dyno in the world: it keeps the machine of core/dyno-table.ts, performs its effects and reports what happens.
 *  It decides nothing itself. */
import { randomUUID } from "node:crypto";
import { nextDyno } from "../core/dyno-table.ts";
import { describeBootFailure } from "../core/dyno-words.ts";
import { canIdle, dynoState, hasProcess, isLeaving, isSettled, newDyno, TIMER_EVENTS } from "../core/dyno.ts";
import type { Dyno, DynoEffect, DynoEvent, DynoSpec, DynoState, DynoTimer } from "../core/dyno.ts";
import { formatDynoName } from "../core/formation-plan.ts";
import type { DynoName } from "../core/formation-plan.ts";
import { startSpecOf } from "./dyno-start.ts";
import { LOOPBACK } from "./ports.ts";
import type { Rest } from "./rest-book.ts";
import { servesAlready, waitUntilReady } from "./readiness.ts";
import type { DynoHost, Endpoint } from "./dyno-host.ts";
import { Timers } from "./timers.ts";
import type { Instance } from "./runtime.ts";

export class DynoProcess {
  readonly name: DynoName;
  readonly ps: string;
  readonly #host: DynoHost;
  readonly #timers: Timers;
  #dyno: Dyno;
  #id: string = randomUUID();
  #since: number;
  #wasUp = false;
  #failure: string | undefined;
  #instance: Instance | undefined;
  /** The release of the process that lives or is about to. */
  #running: number | undefined;
  #isAlive = false;
  #spawning: AbortController | undefined;
  /** Settles when the process under way is known, or known to have failed. */
  #begun: Promise<void> = Promise.resolve();
  #isEnding = false;
  #probe: AbortController | undefined;
  /** What the last look at its port found missing. */
  #lack: string | undefined;
  #isDisposed = false;
  readonly #performers: { readonly [T in DynoEffect["type"]]: (effect: Extract<DynoEffect, { type: T }>) => void } = {
    spawn: (effect) => {
      this.#begun = this.#spawn(effect.announcement);
    },
    "abort-spawn": () => this.#spawning?.abort(),
    probe: (effect) => (effect.on ? this.#startProbe() : this.#probe?.abort()),
    drain: () => this.#inBackground(this.#drain()),
    signal: (effect) => this.#inBackground(this.#host.runtime.signal(this.#id, effect.signal)),
    arm: (effect) => this.#inBackground(this.#timers.arm(effect.timer, effect.ms)),
    disarm: (effect) => this.#timers.disarm(effect.timer),
    log: (effect) => this.#log(effect.message, effect.level),
  };

  constructor(name: DynoName, spec: DynoSpec, host: DynoHost) {
    this.name = name;
    this.ps = formatDynoName(name);
    this.#host = host;
    this.#timers = new Timers(host.clock, (timer) => this.send(this.#eventOf(timer)));
    this.#dyno = newDyno(spec);
    this.#since = host.clock.now();
  }

  /** The id of its process, of the last one, or of the one to come. */
  get id(): string {
    return this.#id;
  }
  get state(): DynoState {
    return dynoState(this.#dyno);
  }
  /** When the state began, milliseconds since the epoch. */
  get since(): number {
    return this.#since;
  }
  get spec(): DynoSpec {
    return this.#dyno.spec;
  }
  get restarts(): number {
    return Math.max(0, this.#dyno.starts - 1);
  }
  get wasUp(): boolean {
    return this.#wasUp;
  }
  /** What became of the last process that ended before it was up. */
  get failure(): string | undefined {
    return this.#failure;
  }
  /** One has, and none was up. */
  get hasFailed(): boolean {
    return !this.#wasUp && this.#dyno.crashes > 0;
  }
  get isDown(): boolean {
    return this.#dyno.phase === "down";
  }
  get canIdle(): boolean {
    return canIdle(this.#dyno);
  }
  get isLeaving(): boolean {
    return isLeaving(this.#dyno);
  }
  get isSettled(): boolean {
    return isSettled(this.#dyno) && !this.#isEnding;
  }
  get hasProcess(): boolean {
    return hasProcess(this.#dyno);
  }
  get runningRelease(): number | undefined {
    return this.#running;
  }
  get instance(): Instance | undefined {
    return this.#isAlive ? this.#instance : undefined;
  }
  /** Where it serves, while it does. */
  get endpoint(): Endpoint | undefined {
    const port = this.instance?.port;
    return this.#dyno.phase === "up" && port !== undefined ? { ps: this.ps, host: LOOPBACK, port } : undefined;
  }

  /** It goes on counting the processes of the dyno whose name it takes. */
  succeed(old: DynoProcess): void {
    this.#dyno = { ...this.#dyno, starts: old.restarts + 1 };
  }

  /** Another dyno takes its name; this one only finishes. */
  retire(): void {
    this.#dyno = { ...this.#dyno, retired: true };
  }

  /** No more is done or said about it; its process is left as it is. */
  async dispose(): Promise<void> {
    this.#isDisposed = true;
    this.#timers.disarmAll();
    this.#probe?.abort();
    this.#spawning?.abort();
    await this.#begun;
  }

  send(event: DynoEvent): void {
    if (this.#isDisposed) return;
    const before = this.state;
    this.#failure = describeBootFailure(this.#dyno, event, this.#host.rules()) ?? this.#failure;
    const step = nextDyno(this.#dyno, event, this.#host.rules(), this.#host.random());
    if (step.dyno.spec.release !== this.spec.release) this.#wasUp = false;
    this.#dyno = step.dyno;
    if (this.state !== before) this.#since = this.#host.clock.now();
    if (this.#dyno.phase === "up") this.#wasUp = true;
    for (const effect of step.effects) this.#perform(effect);
    this.#host.changed();
  }

  #eventOf(timer: DynoTimer): DynoEvent {
    if (timer !== "boot" || this.#lack === undefined) return TIMER_EVENTS[timer];
    return { type: "boot-timeout", reason: this.#lack };
  }

  /** Takes over a process from before this daemon. */
  adopt(instance: Instance): Promise<void> {
    this.#dyno = { ...this.#dyno, starts: instance.attempt };
    this.#take(instance);
    this.#isAlive = instance.phase === "running";
    this.#begun = this.#sendAdopted(instance);
    return this.#begun;
  }

  /** Takes over a dyno that had no process when an earlier daemon ended. */
  restore({ state, since, crashes, starts, process }: Rest): void {
    this.#id = process;
    this.#dyno = { ...this.#dyno, starts };
    const waitedMs = Math.max(0, this.#host.clock.now() - since);
    this.send({ type: "restored", rest: { state, crashes, waitedMs } });
    this.#since = since;
  }

  /** How it is without a process, where a later daemon should find it so. */
  get rest(): Rest | undefined {
    const { phase, spec, crashes, starts } = this.#dyno;
    if (phase !== "crashed" && phase !== "idle") return undefined;
    return { state: phase, release: spec.release, since: this.#since, crashes, starts, process: this.#id };
  }

  async #sendAdopted(instance: Instance): Promise<void> {
    if (instance.port !== undefined) this.#host.ports.reserve(instance.port);
    this.#host.onProcess(instance);
    const age = this.#host.clock.now() - instance.since;
    const isReady = this.spec.web ? await servesAlready(instance, this.#host) : age >= this.#host.rules().upAfterMs;
    this.send({ type: "adopted", ready: isReady || instance.phase === "exited" });
    // Nobody saw whether one that has ended since was.
    this.#wasUp = isReady;
    this.#since = instance.since;
  }

  /** The runtime says that its process and all that belonged to it is gone. */
  async exited(instance: Instance): Promise<void> {
    this.#isEnding = true;
    this.#isAlive = false;
    this.#host.changed();
    await this.#begun;
    // It may have been born and gone in one breath.
    this.#isAlive = false;
    if (this.#isDisposed) return;
    // The app's last words come before the platform's about it.
    const isHeard = await this.#host.onExit(instance).then(
      () => true,
      (error: unknown) => this.#host.broken(error),
    );
    if (this.#isDisposed) return;
    if (instance.port !== undefined) this.#host.ports.release(instance.port);
    this.#running = undefined;
    this.#isEnding = false;
    this.send({ type: "exited", exit: instance.exit ?? { code: null, signal: null } });
    await this.#host.kept();
    // Words that could not be stored are left for the next daemon.
    if (isHeard === true) await this.#host.runtime.forget(instance.id);
  }

  #take(instance: Instance): void {
    this.#instance = instance;
    this.#id = instance.id;
    this.#running = instance.release;
    this.#isAlive = true;
  }

  #perform(effect: DynoEffect): void {
    // Each effect meets the performer of its own type; the compiler cannot follow that through the union.
    const perform = this.#performers[effect.type] as (effect: DynoEffect) => void;
    perform(effect);
  }

  /** What began in the background ends there; only a bug makes it fail. */
  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => this.#host.broken(error));
  }

  #log(message: string, level?: "error"): void {
    const release = this.#instance?.release ?? this.spec.release;
    this.#host.log({ ps: this.ps, release, message, ...(level === undefined ? {} : { level }) });
  }

  async #spawn(announcement: string): Promise<void> {
    const { spec } = this;
    const spawning = new AbortController();
    this.#spawning = spawning;
    this.#instance = undefined;
    this.#id = randomUUID();
    let instance: Instance;
    try {
      await this.#host.mayStart(this, spec.release, spawning.signal);
      this.#running = spec.release;
      this.#host.log({ ps: this.ps, release: spec.release, message: announcement });
      instance = await this.#start(spec, spawning.signal);
    } catch (error) {
      this.#running = undefined;
      this.send({ type: "spawn-failed", reason: error instanceof Error ? error.message : String(error) });
      return;
    }
    this.#take(instance);
    this.#host.onProcess(instance);
    this.send({ type: "spawned" });
  }

  async #start(spec: DynoSpec, signal: AbortSignal): Promise<Instance> {
    const port = spec.web ? await this.#host.ports.allocate() : undefined;
    try {
      const start = { name: this.name, spec, id: this.#id, attempt: this.#dyno.starts, port };
      return await this.#host.runtime.start(startSpecOf(start, this.#host), signal);
    } catch (error) {
      if (port !== undefined) this.#host.ports.release(port);
      throw error;
    }
  }

  #startProbe(): void {
    const instance = this.#instance;
    if (instance === undefined) return;
    this.#probe = new AbortController();
    this.#inBackground(this.#watchPort(instance, this.#probe.signal));
  }

  async #watchPort(instance: Instance, signal: AbortSignal): Promise<void> {
    this.#lack = undefined;
    const isReady = await waitUntilReady(instance, this.#host, signal, (lack) => {
      this.#lack = lack;
    });
    if (isReady) this.send({ type: "ready" });
  }

  async #drain(): Promise<void> {
    const id = this.#id;
    const port = this.#instance?.port;
    const work = port === undefined ? undefined : this.#host.drained({ ps: this.ps, host: LOOPBACK, port });
    // Never at once: the other effects of the same step come first.
    await Promise.resolve(work).catch((error: unknown) => this.#host.broken(error));
    if (this.#id === id) this.send({ type: "drained" });
  }
}
