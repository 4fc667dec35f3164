/** Restarts web processes that serve, one after another: each new one boots beside the one that it replaces, which serves on
 *  until the new one can. When a new one ends before that, the rest stays as it is. */
import type { DynoProcess } from "./dyno-process.ts";

export interface RollHost {
  /** Starts another process under the dyno's name, which only finishes from now on. */
  replace(dyno: DynoProcess, daily: boolean): DynoProcess;
  /** Stops it and starts it again: it serves no more when its turn comes. */
  restartInPlace(dyno: DynoProcess, daily: boolean): void;
  isListed(dyno: DynoProcess): boolean;
  /** Tells the world where requests go now, before anything that served is stopped. */
  publish(): void;
}

export class RollingRestart {
  readonly #host: RollHost;
  /** Whose turn is to come, and whether that is its daily restart. */
  readonly #queue = new Map<DynoProcess, boolean>();
  /** The old one → the new one of its name. */
  readonly #heirs = new Map<DynoProcess, DynoProcess>();

  constructor(host: RollHost) {
    this.#host = host;
  }

  get isDone(): boolean {
    return this.#queue.size === 0;
  }

  add(dyno: DynoProcess, daily: boolean): void {
    if (!this.#queue.has(dyno)) this.#queue.set(dyno, daily);
  }

  /** An earlier daemon began to replace it. */
  resume(old: DynoProcess, heir: DynoProcess): void {
    this.#heirs.set(old, heir);
  }

  /** Does it serve in the place of one that cannot yet? */
  isNeeded(old: DynoProcess): boolean {
    return this.#heirs.has(old);
  }

  /** Everything is to be replaced in another way. */
  abandon(): void {
    this.#queue.clear();
    this.#heirs.clear();
  }

  advance(): void {
    for (const [old, heir] of this.#heirs) this.#look(old, heir);
    for (const [dyno, daily] of this.#queue) {
      if ([...this.#heirs.values()].some((heir) => heir.state === "starting")) return;
      this.#queue.delete(dyno);
      if (!this.#host.isListed(dyno)) continue;
      if (dyno.endpoint === undefined) this.#host.restartInPlace(dyno, daily);
      else this.#heirs.set(dyno, this.#host.replace(dyno, daily));
    }
  }

  #look(old: DynoProcess, heir: DynoProcess): void {
    if (heir.state === "crashed" && !heir.wasUp) this.#queue.clear();
    const isUp = heir.state === "up";
    const isUnwanted = heir.isLeaving || !this.#host.isListed(heir);
    if (!isUp && !isUnwanted && old.endpoint !== undefined) return;
    this.#heirs.delete(old);
    if (isUp) this.#host.publish();
    old.send({ type: "stop-requested" });
  }
}
