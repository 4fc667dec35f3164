/** Tells how the web processes of the release that should run turn out: once for each release and each turn. */
import { judgeWeb, type WebVerdict } from "../core/web-verdict.ts";
import type { DynoProcess } from "./dyno-process.ts";

/** Of one release. */
export interface WebHealth {
  readonly release: number;
  readonly verdict: WebVerdict;
  /** Of an unhealthy one: which process, and what became of it: `exited with status 1`. */
  readonly ps?: string;
  readonly failure?: string;
  readonly standIn?: StandIn;
}

/** An older release whose web processes serve meanwhile, or are on the way to that: superseded before they were up. */
export interface StandIn {
  readonly release: number;
  readonly serves: boolean;
}

export class WebHealthTeller {
  readonly #tell: (health: WebHealth) => void;
  #now: WebHealth = { release: 0, verdict: "none" };
  #told: WebHealth = this.#now;

  constructor(tell: (health: WebHealth) => void) {
    this.#tell = tell;
  }

  get now(): WebHealth {
    return this.#now;
  }

  /** @param web those of the release */
  look(release: number, web: readonly DynoProcess[], standIn: StandIn | undefined): void {
    const verdict = judgeWeb(web);
    this.#now = { release, verdict };
    if (verdict !== "healthy" && verdict !== "unhealthy") return;
    if (verdict === "unhealthy") this.#now = { ...this.#now, ...describe(web, standIn) };
    if (!this.#isNews(this.#now)) return;
    this.#told = this.#now;
    this.#tell(this.#now);
  }

  /** One that starts again after a crash is awaited for a while, which is none; what became of its stand-in is. */
  #isNews({ release, verdict, standIn }: WebHealth): boolean {
    if (this.#told.release !== release || this.#told.verdict !== verdict) return true;
    return this.#told.standIn?.serves === false && standIn?.serves !== false;
  }
}

function describe(web: readonly DynoProcess[], standIn: StandIn | undefined): Partial<WebHealth> {
  const failed = web.find(({ failure }) => failure !== undefined);
  return {
    ...(failed?.failure === undefined ? {} : { ps: failed.ps, failure: failed.failure }),
    ...(standIn === undefined ? {} : { standIn }),
  };
}
