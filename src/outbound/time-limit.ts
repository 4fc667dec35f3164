/** How long a receiver may take: one limit after the other for the steps of something that can be ended. */
import type { Clock } from "../core/clock.ts";

export interface SendLimits {
  /** For a connection, with TLS. Logplex: 3 s. */
  connectMs: number;
  /** For the receiver to take what is sent. Logplex: 5 s. */
  requestMs: number;
}

export class TimeLimit {
  readonly #clock: Clock;
  readonly #onOver: (message: string) => void;
  #waiting = new AbortController();

  constructor(clock: Clock, onOver: (message: string) => void) {
    this.#clock = clock;
    this.#onOver = onOver;
  }

  /** Instead of the limit before. */
  begin(ms: number, message = ""): void {
    this.end();
    const { signal } = (this.#waiting = new AbortController());
    void this.#clock.sleep(ms, signal).then(() => (signal.aborted ? undefined : this.#onOver(message)));
  }

  end(): void {
    this.#waiting.abort();
  }
}

/** `3s`, `250ms` */
export function inWords(ms: number): string {
  return ms % 1000 === 0 ? `${String(ms / 1000)}s` : `${String(ms)}ms`;
}
