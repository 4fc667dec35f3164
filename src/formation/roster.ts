/** The dynos of an app: those listed under their names, and the retired ones of older releases that still serve or
 *  finish. It brings them in line with a target; it starts nothing by itself and knows no clock. */
import type { DynoSpec, DynoState } from "../core/dyno.ts";
import { compareDynoNames, formatDynoName } from "../core/formation-plan.ts";
import type { DynoName } from "../core/formation-plan.ts";
import { nextSwitch } from "../core/web-switch.ts";
import type { SwitchState } from "../core/web-switch.ts";
import type { Endpoint } from "./dyno-host.ts";
import type { DynoProcess } from "./dyno-process.ts";
import { specOf, wantedDynos, WEB_TYPE } from "./target.ts";
import type { Target } from "./target.ts";

export interface Routes {
  readonly endpoints: readonly Endpoint[];
  /** Why there is no endpoint, where there is none. */
  readonly webState: "none" | "crashed" | "starting" | "up" | "idle";
}

export interface RosterHost {
  make(name: DynoName, spec: DynoSpec): DynoProcess;
  canRun(release: number): boolean;
  /** Tells the world where requests go now, before anything that served is stopped. */
  publish(): void;
}

export class Roster {
  readonly listed = new Map<string, DynoProcess>();
  readonly retired = new Set<DynoProcess>();
  readonly #host: RosterHost;
  /** What a name showed when a newer release took it. */
  readonly #replaced = new Map<string, DynoState>();
  #switch: SwitchState = "none";

  constructor(host: RosterHost) {
    this.#host = host;
  }

  get all(): DynoProcess[] {
    return [...this.listed.values(), ...this.retired];
  }

  get sorted(): DynoProcess[] {
    return [...[...this.listed.values()].sort(byName), ...[...this.retired].sort(byName)];
  }

  get isSettled(): boolean {
    return this.#switch !== "booting" && this.all.every((dyno) => dyno.isSettled);
  }

  addRetired(dyno: DynoProcess): void {
    dyno.retire();
    this.retired.add(dyno);
  }

  /** The retired ones serve on until the target's own web processes can. */
  keepRetired(): void {
    this.#switch = [...this.retired].some((dyno) => !dyno.isLeaving) ? "booting" : "none";
  }

  /** Sets the web processes of older releases aside, so that new ones can boot beside them. */
  beginRelease(target: Target): void {
    if (!wantedDynos(target).some((name) => name.type === WEB_TYPE)) return;
    const old = this.#web().filter((dyno) => dyno.spec.release !== target.release);
    if (old.length === 0) return;
    const serving = new Set(this.serving());
    for (const dyno of old) {
      this.listed.delete(dyno.ps);
      // One that sleeps has no process, and the log calls it down.
      this.#replaced.set(dyno.ps, dyno.state === "idle" ? "down" : dyno.state);
      if (dyno.hasProcess) this.addRetired(dyno);
      if (!serving.has(dyno)) dyno.send({ type: "stop-requested" });
    }
    this.keepRetired();
  }

  reconcile(target: Target): void {
    this.#advanceSwitch(target);
    const wanted = new Map(wantedDynos(target).map((name) => [formatDynoName(name), name]));
    for (const dyno of this.listed.values()) {
      if (wanted.has(dyno.ps)) this.#keep(dyno, target);
      else this.#dismiss(dyno);
    }
    for (const [ps, name] of wanted) if (!this.listed.has(ps)) this.#create(name, target);
    this.#replaced.clear();
    for (const dyno of this.retired) this.#tendRetired(dyno);
  }

  #advanceSwitch(target: Target): void {
    if (this.#switch === "none") return;
    const wantsWeb = !target.asleep.has(WEB_TYPE) && wantedDynos(target).some((name) => name.type === WEB_TYPE);
    const news = wantsWeb ? this.#web().filter((dyno) => dyno.spec.release === target.release) : [];
    const old = [...this.retired].filter((dyno) => !dyno.isLeaving);
    // Right after `beginRelease` the new ones do not exist yet.
    if (news.length > 0 || !wantsWeb) this.#switch = nextSwitch(this.#switch, news, old.length);
    if (this.#switch !== "none") return;
    this.#host.publish();
    for (const dyno of old) dyno.send({ type: "stop-requested" });
  }

  #create(name: DynoName, target: Target): void {
    const dyno = this.#host.make(name, specOf(target, name.type));
    this.listed.set(dyno.ps, dyno);
    if (target.asleep.has(name.type)) {
      dyno.send({ type: "idle-requested" });
      return;
    }
    const replaces = this.#replaced.get(dyno.ps);
    dyno.send({ type: "start-requested", ...(replaces === undefined ? {} : { replaces }) });
  }

  #keep(dyno: DynoProcess, target: Target): void {
    if (target.asleep.has(dyno.name.type)) {
      if (dyno.canIdle) dyno.send({ type: "idle-requested" });
    } else if (dyno.spec.release !== target.release && this.#mayMove(dyno)) {
      dyno.send({ type: "restart-requested", spec: specOf(target, dyno.name.type) });
    } else if (dyno.isDown || dyno.state === "idle") dyno.send({ type: "start-requested" });
  }

  #dismiss(dyno: DynoProcess): void {
    if (dyno.isDown) this.listed.delete(dyno.ps);
    else if (!dyno.isLeaving) dyno.send({ type: "stop-requested" });
  }

  #tendRetired(dyno: DynoProcess): void {
    if (dyno.isDown) this.retired.delete(dyno);
    else if (!dyno.isLeaving && (this.#switch === "none" || this.#isStranded(dyno))) {
      dyno.send({ type: "stop-requested" });
    }
  }

  /** Workers wait for the web processes of their release. */
  #mayMove(dyno: DynoProcess): boolean {
    return dyno.name.type === WEB_TYPE || this.#switch !== "booting" || this.#isStranded(dyno);
  }

  /** Found running by a new daemon and ended since: what its old release needs to run is not known any more. */
  #isStranded(dyno: DynoProcess): boolean {
    return dyno.state === "crashed" && !this.#host.canRun(dyno.spec.release);
  }

  restart(dyno: DynoProcess, target: Target): void {
    const moves = this.#mayMove(dyno) && target.procfile.has(dyno.name.type);
    dyno.send({ type: "restart-requested", ...(moves ? { spec: specOf(target, dyno.name.type) } : {}) });
  }

  /** Has everybody else of its type left the other releases? */
  isFree(dyno: DynoProcess, release: number): boolean {
    if (this.retired.has(dyno)) return true;
    return [...this.listed.values()].every(
      (other) =>
        other === dyno ||
        other.name.type !== dyno.name.type ||
        other.runningRelease === undefined ||
        other.runningRelease === release,
    );
  }

  serving(): DynoProcess[] {
    const old = [...this.retired].filter((dyno) => !dyno.isLeaving && dyno.endpoint !== undefined);
    if (this.#switch !== "none" && old.length > 0) return old;
    return this.#web().filter((dyno) => dyno.endpoint !== undefined);
  }

  routes(target: Target): Routes {
    const serving = this.serving().sort(byName);
    return {
      endpoints: serving.map((dyno) => dyno.endpoint).filter((endpoint) => endpoint !== undefined),
      webState: serving.length > 0 ? "up" : this.#webState(target),
    };
  }

  #webState(target: Target): "none" | "crashed" | "starting" | "idle" {
    if (!wantedDynos(target).some((name) => name.type === WEB_TYPE)) return "none";
    const web = this.#web();
    const are = (state: DynoState): boolean => web.length > 0 && web.every((dyno) => dyno.state === state);
    return are("idle") ? "idle" : are("crashed") ? "crashed" : "starting";
  }

  #web(): DynoProcess[] {
    return [...this.listed.values()].filter((dyno) => dyno.name.type === WEB_TYPE);
  }
}

function byName(a: DynoProcess, b: DynoProcess): number {
  return compareDynoNames(a.name, b.name);
}
