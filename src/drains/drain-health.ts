/** How a drain is, and what is said about it in the app's log. What is said there goes through the drain itself, so it is
 *  said when something changes and at most once a minute. */
import { errorHead } from "../core/error-codes.ts";
import type { Clock } from "../core/clock.ts";
import { formatStamp } from "../core/log-line.ts";
import type { DeliveryError } from "../outbound/delivery-error.ts";

/** A line of `heroku[logplex]`. */
export type TellDrain = (level: "error" | "warning" | "info", message: string) => void;

export interface Fault {
  /** RFC 3339. */
  since: string;
  error: string;
}

export interface DrainStatus {
  /** `refused`: the receiver answers, but does not want the lines. */
  state: "delivering" | "failing" | "refused";
  fault: Fault | undefined;
  /** When it tries again, ms since 1970. */
  retryAt: number | undefined;
  /** Messages, since it was added. */
  delivered: number;
  dropped: number;
  /** The stamp of the oldest line that is under way. */
  behindSince: string | undefined;
}

/** Two failures in a row are a network's ordinary life. */
const TELL_AT_FAILURES = 3;
const QUIET_MS = 60_000;

export class DrainHealth {
  readonly #clock: Clock;
  readonly #token: string;
  /** The URL, masked. */
  readonly #name: string;
  readonly #tell: TellDrain;
  #state: DrainStatus["state"] = "delivering";
  #fault: Fault | undefined;
  #failures = 0;
  #isTaking = true;
  #retryAt: number | undefined;
  /** What was said of this fault. */
  #told: "nothing" | "L14" | "all" = "nothing";
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(parts: { clock: Clock; token: string; name: string; tell: TellDrain }, fault: Fault | undefined) {
    this.#clock = parts.clock;
    this.#token = parts.token;
    this.#name = parts.name;
    this.#tell = parts.tell;
    this.#fault = fault;
    if (fault === undefined) return;
    this.#state = "failing";
    this.#told = "all";
  }

  /** Whether the last try was taken. */
  get isTaking(): boolean {
    return this.#isTaking;
  }

  get fault(): Fault | undefined {
    return this.#fault;
  }

  get status(): Pick<DrainStatus, "state" | "fault" | "retryAt"> {
    return { state: this.#state, fault: this.#fault, retryAt: this.#retryAt };
  }

  /** @returns how often it has failed in a row */
  failed(error: DeliveryError): number {
    this.#failures += 1;
    this.#isTaking = false;
    this.#enter("failing", error.message);
    if (error.kind === "certificate" && this.#told === "nothing") {
      this.#say("error", `${errorHead("L14")}: error="${error.message}" uri="${this.#name}"`);
      this.#told = "L14";
    }
    if (this.#failures >= TELL_AT_FAILURES && this.#told === "nothing") {
      this.#say("warning", `Drain ${this.#token} fails: ${error.message}. What it misses is kept and sent later`);
    }
    return this.#failures;
  }

  refused(error: DeliveryError): void {
    this.#failures = 0;
    this.#enter("refused", error.message);
    if (this.#told === "nothing")
      this.#say("warning", `Drain ${this.#token} refuses lines, which are dropped: ${error.message}`);
  }

  /** A frame was taken, which may be too early to say that all is well. */
  taken(): void {
    this.#isTaking = true;
  }

  delivered(): void {
    const wasTold = this.#told !== "nothing";
    this.#failures = 0;
    this.#state = "delivering";
    [this.#fault, this.#retryAt, this.#told] = [undefined, undefined, "nothing"];
    if (wasTold) this.#say("info", `Drain ${this.#token} delivers again`);
  }

  waits(until: number | undefined): void {
    this.#retryAt = until;
  }

  #enter(state: "failing" | "refused", error: string): void {
    if (this.#state !== state) this.#told = this.#told === "L14" ? "L14" : "nothing";
    this.#state = state;
    const since = this.#fault?.since ?? formatStamp(Math.round(this.#clock.now() * 1000));
    this.#fault = { since, error };
  }

  #say(level: "error" | "warning" | "info", message: string): void {
    const now = this.#clock.now();
    if (Math.abs(now - this.#toldAt) < QUIET_MS && level !== "info") return;
    if (level !== "info") [this.#told, this.#toldAt] = ["all", now];
    this.#tell(level, message);
  }
}
