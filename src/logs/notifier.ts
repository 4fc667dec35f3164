/** Wakes everybody who waits for "something happened". A waiter checks its own condition again, so that a wake too
 *  many is harmless and none can be missed: look first, then wait, with nothing awaited in between. */

export class Notifier {
  private waiting: Promise<void> | undefined;
  private wake: (() => void) | undefined;

  /** Resolves at the next `fire`. */
  next(): Promise<void> {
    this.waiting ??= new Promise((resolve) => {
      this.wake = resolve;
    });
    return this.waiting;
  }

  fire(): void {
    const { wake } = this;
    this.waiting = undefined;
    this.wake = undefined;
    wake?.();
  }
}
