/** What a server of doors has under way: it closes when all of it is done, and what waits for a client does not wait for ever. */
import { setMaxListeners } from "node:events";
import type { Clock } from "../core/clock.ts";

/** How long a client may take from one step to the next before it is forgotten. */
const STEP_TIMEOUT_MS = 10_000;

export class UnderWay {
  readonly #clock: Clock;
  readonly #onBug: (error: unknown) => void;
  readonly #closing = new AbortController();
  readonly #working = new Set<Promise<void>>();

  constructor({ clock, onBug }: { clock: Clock; onBug: (error: unknown) => void }) {
    this.#clock = clock;
    this.#onBug = onBug;
    // One deadline of every visit of the last 10 seconds listens to it: a busy minute is no leak.
    setMaxListeners(0, this.#closing.signal);
  }

  track(work: Promise<void>): void {
    const tracked = work.catch(this.#onBug).finally(() => this.#working.delete(tracked));
    this.#working.add(tracked);
  }

  /** Aborts by itself after STEP_TIMEOUT_MS, and when the server closes. */
  deadline(): AbortController {
    const deadline = new AbortController();
    const stop = (): void => deadline.abort();
    this.#closing.signal.addEventListener("abort", stop, { once: true });
    deadline.signal.addEventListener("abort", () => this.#closing.signal.removeEventListener("abort", stop));
    void this.#clock.sleep(STEP_TIMEOUT_MS, deadline.signal).then(stop);
    return deadline;
  }

  /** Passes all deadlines; resolves when the running work is done. */
  async close(): Promise<void> {
    this.#closing.abort();
    while (this.#working.size > 0) await Promise.all(this.#working);
  }
}
