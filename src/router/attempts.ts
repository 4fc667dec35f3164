/** The failed attempts of one request, and the rule for sending it once more. */
import type { FailureName } from "./failure.ts";
import type { Upstream } from "./upstream.ts";

const REPEATABLE = new Set(["GET", "HEAD", "OPTIONS"]);
const REPEATS_MAX = 3;
const TIMEOUTS_MAX = 2;

export interface Attempt {
  readonly failure: FailureName;
  readonly upstream: Upstream;
  readonly method: string;
  /** The connection had served requests before. */
  readonly reused: boolean;
  /** Bytes of the request's body or of an answer have moved. */
  readonly begun: boolean;
}

export class Attempts {
  /** The ones that could not be reached. */
  readonly upstreams = new Set<Upstream>();
  /** How the last of them could not be reached. */
  failure: FailureName = "H21";
  private timeouts = 0;
  private repeats = 0;

  /** Notes a failed attempt; true when the request may be sent again. */
  mayRepeat(attempt: Attempt): boolean {
    if (attempt.begun) return false;
    if (attempt.failure === "H21" || attempt.failure === "H19") return this.unreached(attempt);
    // An idle connection that the process closed while the request was on its way.
    if (attempt.failure !== "H13" || !attempt.reused || !REPEATABLE.has(attempt.method)) return false;
    this.repeats += 1;
    return this.repeats <= REPEATS_MAX;
  }

  /** Nothing was sent, so every method may go to another process. */
  private unreached(attempt: Attempt): boolean {
    this.upstreams.add(attempt.upstream);
    this.failure = attempt.failure;
    if (attempt.failure === "H19") this.timeouts += 1;
    return this.timeouts < TIMEOUTS_MAX;
  }
}
