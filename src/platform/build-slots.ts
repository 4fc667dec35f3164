/** How many builds may run at once on this machine, whatever apps they are of. The others wait in the order they came. */
import { availableParallelism } from "node:os";
import { AppError } from "../core/error.ts";

interface Waiter {
  wake: () => void;
}

/** Builds run at low priority and wait for the network much of their time. One that hangs must not keep all others out. */
export function usualBuildSlots(): number {
  return Math.max(2, availableParallelism());
}

export class BuildSlots {
  readonly #max: number;
  readonly #running = new Map<symbol, string>();
  readonly #waiting: Waiter[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  /** Resolves with what gives the slot back.
   *  @param name what others are told that they wait for: `20a5742 of foobaz`
   *  @throws AppError unavailable when the signal aborts before it has one. */
  async take(name: string, signal: AbortSignal, say: (text: string) => void): Promise<() => void> {
    if (this.#running.size >= this.#max) {
      say(`-----> waiting for the build of ${[...this.#running.values()].join(", and of ")}\n`);
      await this.#turn(signal);
    }
    if (signal.aborted) throw new AppError("unavailable", "build cancelled");
    const key = Symbol(name);
    this.#running.set(key, name);
    return () => {
      if (this.#running.delete(key)) this.#waiting.shift()?.wake();
    };
  }

  async #turn(signal: AbortSignal): Promise<void> {
    while (this.#running.size >= this.#max && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const waiter: Waiter = { wake: () => (signal.removeEventListener("abort", leave), resolve()) };
        const leave = (): void => {
          this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
          resolve();
        };
        signal.addEventListener("abort", leave, { once: true });
        this.#waiting.push(waiter);
      });
    }
  }
}
