/** The controller of one app's processes: it is told what should run and works until that is so (DESIGN, "Formation").
 *
 *  A new release is brought up beside the old one: its web processes start while the old ones serve on, unlisted; when
 *  all have left `starting` and one is up, the routes change at once and the old ones finish. Workers change then,
 *  and never run in two releases of one type at a time. */
import type { Clock } from "../core/clock.ts";
import { DYNO_RULES, exitStatus } from "../core/dyno.ts";
import type { DynoRules } from "../core/dyno.ts";
import { AppError } from "../core/error.ts";
import { ONE_OFF_TYPE } from "../core/procfile.ts";
import { sortInherited } from "./adoption.ts";
import { describeDyno } from "./dyno-info.ts";
import type { DynoInfo } from "./dyno-info.ts";
import { DynoProcess } from "./dyno-process.ts";
import type { DynoHost, Endpoint, FormationLine } from "./dyno-host.ts";
import type { PortAllocator } from "./ports.ts";
import { Roster } from "./roster.ts";
import type { Routes } from "./roster.ts";
import type { Instance, Runtime } from "./runtime.ts";
import { StartGate } from "./start-gate.ts";
import { NOTHING, type Target } from "./target.ts";

export interface FormationSettings extends DynoRules {
  /** Bring up new web processes before the old ones stop. */
  readonly preboot: boolean;
}

export interface FormationCallbacks {
  log(line: FormationLine): void;
  /** A process runs, or was found running or ended after a restart of the daemon: its spool wants a reader. */
  onProcess(instance: Instance): void;
  /** It is gone; awaited before anything is said about that, and before its spool is removed. */
  onExit(instance: Instance): Promise<void>;
  /** Called only when something differs. */
  onRoutes(routes: Routes): void;
  /** Resolves when nothing is under way to an endpoint that is no longer in the routes. */
  drained(endpoint: Endpoint): Promise<void>;
  /** A fault of the platform or its runtime, for the platform's own log. */
  onFault(error: unknown): void;
}

export interface FormationOptions {
  readonly app: string;
  readonly runtime: Runtime;
  readonly ports: PortAllocator;
  readonly clock: Clock;
  readonly settings?: Partial<FormationSettings>;
  readonly callbacks: FormationCallbacks;
}

export type ConvergeReason = "launch" | "scale" | "restart" | "start";

export class Formation {
  readonly #options: FormationOptions;
  readonly #host: DynoHost;
  readonly #roster: Roster;
  readonly #gate: StartGate;
  readonly #targets = new Map<number, Target>();
  /** Processes that are gone and whose last words and traces are being seen to. */
  readonly #endings = new Set<Promise<void>>();
  readonly #settledWaiters = new Set<() => void>();
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
    this.#settings = { ...DYNO_RULES, preboot: true, ...options.settings };
    this.#host = this.#makeHost(options);
    this.#roster = new Roster({
      make: (name, spec) => new DynoProcess(name, spec, this.#host),
      canRun: (release) => this.#host.cargo(release) !== undefined,
      publish: () => this.#publishRoutes(),
    });
    this.#gate = new StartGate((dyno, release) => this.#roster.isFree(dyno, release));
  }

  #makeHost({ app, runtime, ports, clock, callbacks }: FormationOptions): DynoHost {
    return {
      app,
      runtime,
      ports,
      clock,
      rules: () => this.#settings,
      cargo: (release) => {
        const { appDir, env } = this.#targets.get(release) ?? {};
        return appDir === undefined || env === undefined ? undefined : { appDir, env };
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
      broken: (error) => callbacks.onFault(error),
    };
  }

  configure(settings: Partial<FormationSettings>): void {
    this.#settings = { ...this.#settings, ...settings };
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
    if (!this.#isSettled()) await new Promise<void>((resolve) => this.#settledWaiters.add(resolve));
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

  /** Restarts all, one type or one dyno.
   *  @throws AppError not_found when the filter names none. */
  restart(filter?: string): void {
    for (const dyno of this.#matching(filter)) if (this.#target) this.#roster.restart(dyno, this.#target);
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
    this.#phase = "closed";
    this.#unwatch();
    await Promise.all(this.#roster.all.map((dyno) => dyno.dispose()));
    await Promise.all(this.#endings);
    this.#wakeSettled();
  }

  async #adopt(target: Target): Promise<void> {
    const { app, runtime } = this.#options;
    const early = new Map<string, Instance>();
    let notice = (instance: Instance): void => void early.set(instance.id, instance);
    this.#unwatch = runtime.watch((instance) => {
      if (instance.app === app && instance.phase === "exited") notice(instance);
    });
    const found = (await runtime.list(app))
      .filter(({ type }) => type !== ONE_OFF_TYPE)
      .map((instance) => early.get(instance.id) ?? instance);
    notice = (instance) => this.#notice(instance);
    const { listed, retired, surplus, ended } = sortInherited(found, target, this.#settings.preboot);
    const fault = (error: unknown): void => this.#options.callbacks.onFault(error);
    const adoptions = [
      ...listed.map((instance) => this.#take(instance, (dyno) => this.#roster.listed.set(dyno.ps, dyno))),
      ...[...retired, ...surplus].map((instance) => this.#take(instance, (dyno) => this.#roster.addRetired(dyno))),
    ];
    for (const instance of listed) if (instance.phase === "exited") this.#notice(instance);
    await Promise.all([...adoptions, ...ended.map((instance) => this.#bury(instance).catch(fault))]);
    const useless = new Set(surplus.map(({ id }) => id));
    for (const dyno of this.#roster.retired) {
      if (dyno.state !== "up" || useless.has(dyno.id)) dyno.send({ type: "stop-requested" });
    }
    this.#roster.keepRetired();
    this.#phase = "working";
    if (this.#settings.preboot) this.#roster.beginRelease(this.#target ?? target);
    this.#touch();
  }

  async #take(instance: Instance, keep: (dyno: DynoProcess) => unknown): Promise<void> {
    const { type, slot, release, command } = instance;
    const dyno = new DynoProcess({ type, slot }, { release, command, web: instance.port !== undefined }, this.#host);
    const adopted = dyno.adopt(instance);
    keep(dyno);
    await adopted;
  }

  /** It ended while nobody looked, and nothing follows from that. */
  async #bury(instance: Instance): Promise<void> {
    const { callbacks, runtime } = this.#options;
    callbacks.onProcess(instance);
    await callbacks.onExit(instance);
    const status = exitStatus(instance.exit ?? { code: null, signal: null });
    const message = `Process exited with status ${String(status)}`;
    callbacks.log({ ps: instance.ps, release: instance.release, message });
    await runtime.forget(instance.id);
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

  /** Something has changed: looks at everything once, after all that happens in this moment. */
  #touch(): void {
    if (this.#isTouched || this.#phase === "new" || this.#phase === "closed") return;
    this.#isTouched = true;
    queueMicrotask(() => {
      this.#isTouched = false;
      if (this.#target === undefined || this.#phase === "closed") return;
      this.#roster.reconcile(this.#target);
      this.#publishRoutes();
      this.#gate.check();
      this.#forgetTargets();
      this.#wakeSettled();
    });
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

  #wakeSettled(): void {
    if (!this.#isSettled()) return;
    for (const wake of this.#settledWaiters) wake();
    this.#settledWaiters.clear();
  }
}
