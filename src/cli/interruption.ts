/** Ctrl-C and its kin while something runs that has to be ended first. Asking once is polite; asking again is meant. */
import { constants } from "node:os";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** git passes on to its commands what the terminal has sent to them already. */
const ECHO_MS = 700;

export class Interruption {
  readonly #asked = new AbortController();
  readonly #insisted = new AbortController();
  #signal: NodeJS.Signals | undefined;
  #since = 0;
  readonly #listener = (signal: NodeJS.Signals): void => this.#note(signal);

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#listener);
  }

  /** Aborts when the first signal comes. */
  get asked(): AbortSignal {
    return this.#asked.signal;
  }

  /** Aborts when somebody has lost patience. */
  get insisted(): AbortSignal {
    return this.#insisted.signal;
  }

  /** The first signal that came, such as `SIGINT`. */
  get signal(): NodeJS.Signals | undefined {
    return this.#signal;
  }

  close(): void {
    for (const signal of SIGNALS) process.off(signal, this.#listener);
  }

  #note(signal: NodeJS.Signals): void {
    const now = performance.now();
    if (this.#signal !== undefined && now - this.#since > ECHO_MS) this.#insisted.abort();
    if (this.#signal !== undefined) return;
    this.#signal = signal;
    this.#since = now;
    this.#asked.abort();
  }
}

/** The status of a shell whose program was ended by this signal. */
export function signalStatus(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
