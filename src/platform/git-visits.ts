/** Fetches and pushes that are under way by the platform's doors, HTTP and SSH together: each is two or three processes of git. */
import { AppError } from "../core/error.ts";
import type { Visitor } from "./visitor.ts";

/** On all of the platform, and of one token or key. */
const VISITS_MAX = 32;
const VISITS_EACH_MAX = 8;

export class GitVisits {
  readonly #running = new Map<symbol, string>();

  /** @throws AppError unavailable when there are too many */
  check({ credential = "" }: Visitor): void {
    const own = [...this.#running.values()].filter((one) => one === credential).length;
    if (this.#running.size < VISITS_MAX && own < VISITS_EACH_MAX) return;
    throw new AppError("unavailable", "Too many fetches and pushes are under way.", {
      hint: "Try again in a moment.",
    });
  }

  /** @returns to be called when git has gone */
  begin({ credential = "" }: Visitor): () => void {
    const visit = Symbol("visit");
    this.#running.set(visit, credential);
    return () => void this.#running.delete(visit);
  }
}
