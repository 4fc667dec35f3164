/** Asks over a client's line. A call that finds nobody there asks `wake` once to start the daemon and then asks again: nothing
 *  had been sent, so nothing is done twice. */
import type { PlatformClientOptions } from "./client-options.ts";
import { exchange, openExchange, type Question } from "./exchange.ts";
import { homeLine } from "./home-line.ts";
import { Unreachable, type Line, type StreamedAnswer } from "./line.ts";

export class Asker {
  readonly #options: PlatformClientOptions;
  #line: Line | undefined;

  constructor(options: PlatformClientOptions) {
    this.#options = options;
  }

  /** Found when it is first needed: not every client speaks. */
  get line(): Line {
    return (this.#line ??= this.#options.line?.() ?? homeLine(this.#options.home));
  }

  open(question: Question): Promise<StreamedAnswer> {
    return this.#awake(() => openExchange(this.line, question));
  }

  ask<T>(question: Question): Promise<T> {
    const { patienceMs } = this.#options;
    return this.#awake(() => exchange<T>(this.line, { ...question, patienceMs }));
  }

  async #awake<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof Unreachable) || this.#options.wake === undefined) throw error;
    }
    await this.#options.wake();
    return ask();
  }
}
