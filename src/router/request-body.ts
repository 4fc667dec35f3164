/** A request's body on its way to a web process. Nothing is read from the client before the process is connected, and
 *  when the process goes away the client's connection does not: the rest of the body is read and dropped. */
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";

export interface BodyWatcher {
  bodyMoved(): void;
  bodyEnded(): void;
}

export class RequestBody extends Readable {
  /** True once a byte may have gone to a process: the request cannot be sent to another. */
  touched = false;
  /** The process does not take more for now. */
  stalled = false;
  /** The client went away in the middle. */
  lost = false;
  readonly #source: IncomingMessage;
  readonly #watcher: BodyWatcher;

  constructor(source: IncomingMessage, watcher: BodyWatcher) {
    super();
    this.#source = source;
    this.#watcher = watcher;
    // undici listens only while it sends.
    this.on("error", () => undefined);
  }

  override _read(): void {
    if (this.touched) {
      this.stalled = false;
      this.#source.resume();
      return;
    }
    this.touched = true;
    this.#source.on("data", this.#onData).on("end", this.#onEnd);
    this.#source.on("close", this.#onClose).on("error", this.#onClose);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (this.touched) {
      this.#source.off("data", this.#onData).off("end", this.#onEnd).off("close", this.#onClose);
      this.#source.resume();
    }
    callback(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#watcher.bodyMoved();
    this.stalled = !this.push(chunk);
    if (this.stalled) this.#source.pause();
  };

  readonly #onEnd = (): void => {
    this.#watcher.bodyEnded();
    this.push(null);
  };

  readonly #onClose = (): void => {
    if (this.#source.complete) return;
    this.lost = true;
    this.destroy(new Error("The client went away."));
  };
}
