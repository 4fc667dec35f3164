/** Wakes those who wait for something to change. */

export class Changes {
  readonly #waiting = new Set<() => void>();

  /** Resolves at the next `tell`, or when the signal aborts. */
  async next(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal?.addEventListener("abort", wake);
    });
  }

  tell(): void {
    for (const wake of this.#waiting) wake();
  }
}
