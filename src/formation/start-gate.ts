/** Where a process waits until it may start: two releases of one worker type never run at a time. */
import type { DynoProcess } from "./dyno-process.ts";

interface Waiter {
  readonly dyno: DynoProcess;
  readonly release: number;
  readonly pass: () => void;
}

export class StartGate {
  readonly #isFree: (dyno: DynoProcess, release: number) => boolean;
  readonly #waiters = new Set<Waiter>();

  constructor(isFree: (dyno: DynoProcess, release: number) => boolean) {
    this.#isFree = isFree;
  }

  async pass(dyno: DynoProcess, release: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#isFree(dyno, release)) return;
    await new Promise<void>((resolve, reject) => {
      const waiter = { dyno, release, pass: resolve };
      this.#waiters.add(waiter);
      signal.addEventListener("abort", () => {
        this.#waiters.delete(waiter);
        reject(signal.reason as Error);
      });
    });
  }

  /** Somebody has left: lets through who may pass now. */
  check(): void {
    for (const waiter of this.#waiters) {
      if (!this.#isFree(waiter.dyno, waiter.release)) continue;
      this.#waiters.delete(waiter);
      waiter.pass();
    }
  }
}
