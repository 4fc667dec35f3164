/** The dynos of an app: those listed under their names, and the retired ones of older releases that still serve or
 *  finish. It brings them in line with a target; it starts nothing by itself and knows no clock. */
import type { DynoSpec, DynoState } from "../core/dyno.ts";
import { compareDynoNames, formatDynoName } from "../core/formation-plan.ts";
import type { DynoName } from "../core/formation-plan.ts";
import { WEB_TYPE } from "../core/procfile.ts";
import { nextSwitch, worthKeeping } from "../core/web-switch.ts";
import type { SwitchState } from "../core/web-switch.ts";
import type { Endpoint } from "./dyno-host.ts";
import type { DynoProcess } from "./dyno-process.ts";
import { RollingRestart } from "./rolling-restart.ts";
import { specOf, wantedDynos } from "./target.ts";
import type { Target } from "./target.ts";
import type { StandIn } from "./web-health.ts";

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
  readonly #roll: RollingRestart;
  /** What a name showed when a newer release took it. */
  readonly #replaced = new Map<string, DynoState>();
  #switch: SwitchState = "none";

  constructor(host: RosterHost) {
    this.#host = host;
    this.#roll = new RollingRestart({
      replace: (dyno, daily) => this.#replace(dyno, daily),
      restartInPlace: (dyno, daily) => dyno.send({ type: "restart-requested", daily }),
      isListed: (dyno) => this.listed.get(dyno.ps) === dyno,
      publish: () => host.publish(),
    });
  }

  get all(): DynoProcess[] {
    return [...this.listed.values(), ...this.retired];
  }

  get sorted(): DynoProcess[] {
    return [...[...this.listed.values()].sort(byName), ...[...this.retired].sort(byName)];
  }

  get isSettled(): boolean {
    return this.#switch !== "booting" && this.#roll.isDone && this.all.every((dyno) => dyno.isSettled);
  }

  addRetired(dyno: DynoProcess): void {
    dyno.retire();
    this.retired.add(dyno);
  }

  /** Of those that an earlier daemon left, what serves goes on until the target's own web processes can, or what may come to. */
  keepInherited(): void {
    this.#keepRetired();
    const old = this.#oldRelease();
    const kept = this.#worthKeeping(old);
    for (const dyno of old) if (!kept.has(dyno)) dyno.send({ type: "stop-requested" });
  }

  #keepRetired(): void {
    this.#switch = this.#oldRelease().length > 0 ? "booting" : "none";
  }

  /** The web processes of older releases that nobody has told to stop. */
  #oldRelease(): DynoProcess[] {
    return [...this.retired].filter((dyno) => !dyno.isLeaving && !this.#roll.isNeeded(dyno));
  }

  /** An earlier daemon was about to replace this process: it serves on, if the one that took its name cannot yet. */
  resumeRestart(old: DynoProcess): boolean {
    const heir = this.listed.get(old.ps);
    if (heir === undefined || old.endpoint === undefined) return false;
    if (heir.state === "up" || heir.spec.release !== old.spec.release) return false;
    this.#roll.resume(old, heir);
    return true;
  }

  /** Sets the web processes of older releases aside, so that new ones can boot beside them. */
  beginRelease(target: Target): void {
    if (!wantedDynos(target).some((name) => name.type === WEB_TYPE)) return;
    const old = this.#web().filter((dyno) => dyno.spec.release !== target.release);
    if (old.length === 0) return;
    const kept = this.#worthKeeping([...[...this.retired].filter((dyno) => !dyno.isLeaving), ...old]);
    this.#roll.abandon();
    for (const dyno of old) {
      this.listed.delete(dyno.ps);
      // One that sleeps has no process, and the log calls it down.
      this.#replaced.set(dyno.ps, dyno.state === "idle" ? "down" : dyno.state);
      if (dyno.hasProcess) this.addRetired(dyno);
      else dyno.retire();
      if (!kept.has(dyno)) dyno.send({ type: "stop-requested" });
    }
    this.#keepRetired();
  }

  #worthKeeping(dynos: readonly DynoProcess[]): Set<DynoProcess> {
    const serving = new Set(this.serving());
    const old = dynos.map((dyno) => ({
      dyno,
      release: dyno.spec.release,
      serves: serving.has(dyno),
      boots: mayComeUp(dyno),
    }));
    return new Set(worthKeeping(old).map(({ dyno }) => dyno));
  }

  reconcile(target: Target): void {
    this.#advanceSwitch(target);
    this.#roll.advance();
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
    const news = wantsWeb ? this.webOf(target) : [];
    const old = this.#oldRelease();
    const oldWeb = old.map(({ endpoint }) => ({ serves: endpoint !== undefined }));
    // Right after `beginRelease` the new ones do not exist yet.
    if (news.length > 0 || !wantsWeb) this.#switch = nextSwitch(this.#switch, news, oldWeb);
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
    else if (this.#roll.isNeeded(dyno)) return;
    else if (!dyno.isLeaving && (this.#switch === "none" || dyno.hasFailed || this.#isStranded(dyno))) {
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

  /** A web process that serves is replaced beside its successor, where the app wants that; all others stop and start. */
  restart(dyno: DynoProcess, target: Target, { rolling, daily }: { rolling: boolean; daily: boolean }): void {
    if (rolling && this.serving().includes(dyno)) return this.#roll.add(dyno, daily);
    const moves = this.#mayMove(dyno) && target.procfile.has(dyno.name.type);
    dyno.send({ type: "restart-requested", daily, ...(moves ? { spec: specOf(target, dyno.name.type) } : {}) });
  }

  #replace(old: DynoProcess, daily: boolean): DynoProcess {
    const dyno = this.#host.make(old.name, old.spec);
    dyno.succeed(old);
    this.listed.set(dyno.ps, dyno);
    const replaces = old.state;
    this.addRetired(old);
    dyno.send({ type: "start-requested", replaces, daily });
    return dyno;
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
    const needed = old.filter((dyno) => this.#roll.isNeeded(dyno));
    return [...needed, ...this.#web().filter((dyno) => dyno.endpoint !== undefined)];
  }

  /** Whose web processes serve while those of this release do not. */
  standIn(release: number): StandIn | undefined {
    const serving = this.serving().find(({ spec }) => spec.release !== release);
    if (serving !== undefined) return { release: serving.spec.release, serves: true };
    const awaited = this.#awaited()?.spec.release;
    return awaited === undefined ? undefined : { release: awaited, serves: false };
  }

  /** One of an older release that may come up while none serves. */
  #awaited(): DynoProcess | undefined {
    return this.#oldRelease().find(mayComeUp);
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
    if (this.#awaited() !== undefined) return "starting";
    const web = this.#web();
    const are = (state: DynoState): boolean => web.length > 0 && web.every((dyno) => dyno.state === state);
    return are("idle") ? "idle" : are("crashed") ? "crashed" : "starting";
  }

  /** Those that the target has brought up or is bringing up. */
  webOf(target: Target): DynoProcess[] {
    return this.#web().filter((dyno) => dyno.spec.release === target.release);
  }

  #web(): DynoProcess[] {
    return [...this.listed.values()].filter((dyno) => dyno.name.type === WEB_TYPE);
  }
}

function byName(a: DynoProcess, b: DynoProcess): number {
  return compareDynoNames(a.name, b.name);
}

/** It is to, and has not failed to yet. */
function mayComeUp(dyno: DynoProcess): boolean {
  return dyno.state === "starting" && !dyno.hasFailed;
}
