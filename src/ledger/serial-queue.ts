/** One thing at a time, in the order asked; a failure of one does not stop the next. */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Resolves when everything asked so far is done. */
  async drained(): Promise<void> {
    await this.#last;
  }
}
