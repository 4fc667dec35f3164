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
  /** The older release that serves meanwhile, if any. */
  readonly serving?: number;
}

export class WebHealthTeller {
  readonly #tell: (health: WebHealth) => void;
  #now: WebHealth = { release: 0, verdict: "none" };
  #told: Pick<WebHealth, "release" | "verdict"> = this.#now;

  constructor(tell: (health: WebHealth) => void) {
    this.#tell = tell;
  }

  get now(): WebHealth {
    return this.#now;
  }

  /** @param web those of the release
   *  @param serving those that get requests, of whichever release */
  look(release: number, web: readonly DynoProcess[], serving: readonly DynoProcess[]): void {
    const verdict = judgeWeb(web);
    this.#now = { release, verdict };
    if (verdict !== "healthy" && verdict !== "unhealthy") return;
    if (verdict === "unhealthy") this.#now = { ...this.#now, ...describe(release, web, serving) };
    // One that starts again after a crash is awaited for a while, which is no news.
    if (this.#told.release === release && this.#told.verdict === verdict) return;
    this.#told = { release, verdict };
    this.#tell(this.#now);
  }
}

function describe(
  release: number,
  web: readonly DynoProcess[],
  serving: readonly DynoProcess[],
): Pick<WebHealth, "ps" | "failure" | "serving"> {
  const failed = web.find(({ failure }) => failure !== undefined);
  const older = serving.map(({ spec }) => spec.release).find((version) => version !== release);
  return {
    ...(failed?.failure === undefined ? {} : { ps: failed.ps, failure: failed.failure }),
    ...(older === undefined ? {} : { serving: older }),
  };
}
