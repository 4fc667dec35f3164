/** The controller of one app's processes: it is told what should run and works until that is so (DESIGN, "Formation").
 *
 *  A new release is brought up beside the old one: its web processes start while the old ones serve on, unlisted; when
 *  all have left `starting` and one is up, the routes change at once and the old ones finish. Workers change then,
 *  and never run in two releases of one type at a time. */
import { AppError } from "../core/error.ts";
import type { Limits } from "../core/limits.ts";
import { Changes } from "./changes.ts";
import { DailyRestart } from "./daily-restart.ts";
import { describeDyno } from "./dyno-info.ts";
import type { DynoInfo } from "./dyno-info.ts";
import { DynoProcess } from "./dyno-process.ts";
import type { DynoHost } from "./dyno-host.ts";
import { FORMATION_SETTINGS } from "./formation-options.ts";
import type { FormationOptions, FormationSettings } from "./formation-options.ts";
import { RestBook } from "./rest-book.ts";
import { MemoryWatch } from "./memory-watch.ts";
import { Roster } from "./roster.ts";
import type { Instance } from "./runtime.ts";
import { StartGate } from "./start-gate.ts";
import { takeOver } from "./take-over.ts";
import { NOTHING, type Target } from "./target.ts";
import { WebHealthTeller, type WebHealth } from "./web-health.ts";

export type ConvergeReason = "launch" | "scale" | "restart" | "start";

export class Formation {
  readonly #options: FormationOptions;
  readonly #host: DynoHost;
  readonly #roster: Roster;
  readonly #gate: StartGate;
  readonly #rests: RestBook;
  readonly #daily: DailyRestart;
  readonly #memory: MemoryWatch;
  readonly #health: WebHealthTeller;
  readonly #targets = new Map<number, Target>();
  /** Processes that are gone and whose last words and traces are being seen to. */
  readonly #endings = new Set<Promise<void>>();
  readonly #changes = new Changes();
  #settings: FormationSettings;
  #target: Target | undefined;
  #routes = "";
  /** Undefined until the first `converge`. */
  #adopting: Promise<void> | undefined;
  #phase: "new" | "working" | "closing" | "closed" = "new";
  #isTouched = false;
  #unwatch = (): void => undefined;

  constructor(options: FormationOptions) {
    this.#options = options;
    this.#settings = { ...FORMATION_SETTINGS, ...options.settings };
    this.#rests = new RestBook(options.restFile, (error) => options.callbacks.onFault(error));
    this.#daily = new DailyRestart(options.clock, (dyno) => this.#restart(dyno, true));
    this.#health = new WebHealthTeller((health) => options.callbacks.onWebHealth(health));
    this.#host = this.#makeHost(options);
    this.#memory = new MemoryWatch({
      ...this.#host,
      rules: () => this.#settings,
      quotaBytes: (type) => this.#settings.limits.get(type)?.memoryBytes,
    });
    this.#roster = new Roster({
      make: (name, spec) => new DynoProcess(name, spec, this.#host),
      canRun: (release) => this.#host.cargo(release) !== undefined,
      publish: () => this.#publishRoutes(),
    });
    this.#gate = new StartGate((dyno, release) => this.#settings.workerOverlap || this.#roster.isFree(dyno, release));
  }

  #makeHost({ app, runtime, ports, clock, random, callbacks }: FormationOptions): DynoHost {
    return {
      app,
      runtime,
      ports,
      clock,
      random,
      rules: () => this.#settings,
      limits: (type) => withoutMemory(this.#settings.limits.get(type)),
      cargo: (release) => {
        const { appDir, env, confinement } = this.#targets.get(release) ?? {};
        if (appDir === undefined || env === undefined) return undefined;
        return { appDir, env, ...(confinement === undefined ? {} : { confinement }) };
      },
      mayStart: (dyno, release, signal) => this.#gate.pass(dyno, release, signal),
      drained: (endpoint) => {
        this.#publishRoutes();
        return callbacks.drained(endpoint);
      },
      log: (line) => callbacks.log(line),
      onProcess: (instance) => callbacks.onProcess(instance),
      onExit: (instance) => callbacks.onExit(instance),
      changed: () => this.#touch(),
      kept: () => this.#kept(),
      broken: (error) => callbacks.onFault(error),
    };
  }

  /** The dynos that changed in this moment are looked at, and written down, in the next. */
  async #kept(): Promise<void> {
    await this.looked();
    await this.#rests.kept();
  }

  /** Resolves when everything that was asked for so far has been looked at. */
  async looked(): Promise<void> {
    while (this.#isTouched) await this.#changes.next();
  }

  configure(settings: Partial<FormationSettings>): void {
    this.#settings = { ...this.#settings, ...settings };
    this.#touch();
  }

  /** What should run from now on. Returns at once; saying the same again changes nothing, except that the reason
   *  `restart` restarts what already runs in this release. The first call finds what an earlier daemon left running. */
  converge(target: Target, reason: ConvergeReason): void {
    const isNewRelease = this.#target?.release !== target.release;
    this.#target = target;
    this.#targets.set(target.release, target);
    this.#adopting ??= this.#adopt(target).catch((error: unknown) => {
      // The next call tries again; to start anything now might make a second process of one that lives.
      this.#adopting = undefined;
      this.#options.callbacks.onFault(error);
    });
    if (this.#phase !== "working") return;
    if (this.#settings.preboot) this.#roster.beginRelease(target);
    if (reason === "restart" && !isNewRelease) this.restart();
    this.#touch();
  }

  /** Resolves when what an earlier daemon left running is known; at once before the first `converge`. */
  async adopted(): Promise<void> {
    await this.#adopting;
  }

  /** Resolves when nothing is starting or stopping; crashed dynos in their back-off count as settled. */
  async settled(): Promise<void> {
    await this.#adopting;
    while (!this.#isSettled()) await this.#changes.next();
  }

  /** Everything that was asked for has been looked at. */
  get isCurrent(): boolean {
    return this.#phase === "working" && !this.#isTouched;
  }

  /** How the web processes turn out that should run. */
  get webHealth(): WebHealth {
    return this.#health.now;
  }

  /** Resolves when something has changed since the call, at the latest when the signal aborts. */
  changed(signal: AbortSignal): Promise<void> {
    return this.#changes.next(signal);
  }

  /** Nothing starts, stops or changes releases just now. */
  get isAtRest(): boolean {
    return this.#phase === "working" && this.#isSettled();
  }

  /** Everything that exists: the listed ones by name, then those of older releases. */
  list(): DynoInfo[] {
    const serving = new Set(this.#roster.serving());
    return this.#roster.sorted.map((dyno) =>
      describeDyno(dyno, serving.has(dyno), this.#roster.listed.get(dyno.ps) === dyno),
    );
  }

  /** Restarts all, one type or one dyno: web processes one after another beside new ones, the others at once.
   *  @throws AppError not_found when the filter names none. */
  restart(filter?: string): void {
    for (const dyno of this.#matching(filter)) this.#restart(dyno, false);
  }

  #restart(dyno: DynoProcess, daily: boolean): void {
    if (this.#target === undefined) return;
    this.#roster.restart(dyno, this.#target, { rolling: this.#settings.preboot, daily });
    this.#touch();
  }

  /** Stops them; as on Heroku the formation then brings them back.
   *  @throws AppError not_found when the filter names none. */
  stop(filter?: string): void {
    for (const dyno of this.#matching(filter)) dyno.send({ type: "stop-requested" });
  }

  #matching(filter: string | undefined): DynoProcess[] {
    const listed = [...this.#roster.listed.values()];
    if (filter === undefined) return listed;
    const found = listed.filter((dyno) => dyno.ps === filter || dyno.name.type === filter);
    if (found.length > 0) return found;
    throw new AppError("not_found", `Couldn't find the process ${JSON.stringify(filter.slice(0, 60))}.`, {
      hint: "`git heroku ps` lists what runs; name one as web.1 or all of a type as web.",
    });
  }

  /** Ends the work on this app: with `stopApps` when every process is gone, else leaving them all as they are. */
  async shutdown(options: { stopApps: boolean }): Promise<void> {
    // Without a launch nothing is known yet of what an earlier daemon left running.
    if (options.stopApps && this.#target === undefined) this.converge(NOTHING, "start");
    await this.#adopting;
    if (options.stopApps && this.#target !== undefined) {
      this.#phase = "closing";
      this.#target = { ...this.#target, quantities: {} };
      this.#touch();
      await this.settled();
    }
    await this.looked();
    this.#phase = "closed";
    this.#unwatch();
    this.#daily.watch([]);
    this.#memory.watch([]);
    await Promise.all(this.#roster.all.map((dyno) => dyno.dispose()));
    await Promise.all(this.#endings);
    await this.#rests.kept();
    this.#changes.tell();
  }

  async #adopt(target: Target): Promise<void> {
    this.#unwatch = await takeOver(target, {
      host: this.#host,
      roster: this.#roster,
      rests: await this.#rests.read(),
      preboot: this.#settings.preboot,
      ended: (instance) => this.#notice(instance),
    });
    this.#phase = "working";
    if (this.#settings.preboot) this.#roster.beginRelease(this.#target ?? target);
    this.#touch();
  }

  #notice(instance: Instance): void {
    const dyno = this.#roster.all.find((dyno) => dyno.id === instance.id);
    if (dyno === undefined) return;
    const ending = dyno
      .exited(instance)
      .catch((error: unknown) => this.#options.callbacks.onFault(error))
      .finally(() => this.#endings.delete(ending));
    this.#endings.add(ending);
  }

  /** Something has changed: looks at everything once, after all that happens in this moment. Of hundreds of processes that
   *  start together, many events and timers come in one turn of the event loop. */
  #touch(): void {
    if (this.#isTouched || this.#phase === "new" || this.#phase === "closed") return;
    this.#isTouched = true;
    setImmediate(() => {
      this.#isTouched = false;
      if (this.#target !== undefined && this.#phase !== "closed") this.#lookAtAll(this.#target);
      this.#changes.tell();
    });
  }

  #lookAtAll(target: Target): void {
    this.#roster.reconcile(target);
    this.#publishRoutes();
    this.#gate.check();
    this.#rests.keep(this.#roster.listed.values());
    if (this.#phase === "working")
      this.#health.look(target.release, this.#roster.webOf(target), this.#roster.standIn(target.release));
    this.#memory.watch(this.#roster.all);
    this.#daily.watch(this.#settings.dailyRestart ? [...this.#roster.listed.values()] : []);
    this.#forgetTargets();
  }

  #publishRoutes(): void {
    if (this.#target === undefined || this.#phase === "new") return;
    const routes = this.#roster.routes(this.#target);
    const text = JSON.stringify(routes);
    if (text === this.#routes) return;
    this.#routes = text;
    this.#options.callbacks.onRoutes(routes);
  }

  #forgetTargets(): void {
    const used = new Set(this.#roster.all.map((dyno) => dyno.spec.release));
    for (const release of this.#targets.keys()) {
      if (release !== this.#target?.release && !used.has(release)) this.#targets.delete(release);
    }
  }

  #isSettled(): boolean {
    if (this.#phase === "closed") return true;
    if (this.#isTouched || this.#phase === "new") return false;
    return this.#phase === "closing" ? this.#roster.all.length === 0 : this.#roster.isSettled;
  }
}

/** The machine would hold a process to the limit of its start, and end it where it is only to be warned. */
function withoutMemory(limits: Limits = {}): Limits {
  const { memoryBytes: _memory, ...rest } = limits;
  return rest;
}
