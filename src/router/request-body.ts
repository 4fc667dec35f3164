/** A request's body on its way to a web process. Nothing is read from the client before the process is connected, and
 *  when the process goes away the client's connection does not: the rest of the body is read and dropped. */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";

export interface BodyWatcher {
  bodyMoved(): void;
  bodyEnded(): void;
  /** The client went away in the middle. */
  bodyLost(): void;
}

export class RequestBody {
  /** True once a byte may have gone to a process: the request cannot be sent to another. */
  touched = false;
  /** Not all of it has been sent. */
  isPending = true;
  /** The process does not take more for now. */
  stalled = false;
  readonly #source: IncomingMessage;
  readonly #watcher: BodyWatcher;
  readonly #chunked: boolean;
  #target: Socket | undefined;

  constructor(source: IncomingMessage, watcher: BodyWatcher) {
    this.#source = source;
    this.#watcher = watcher;
    this.#chunked = source.headers["transfer-encoding"] !== undefined;
  }

  sendTo(target: Socket): void {
    this.touched = true;
    this.#target = target.on("drain", this.#onDrain).on("close", this.#stop);
    this.#source.on("data", this.#onData).on("end", this.#onEnd).on("close", this.#onClose).on("error", this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#watcher.bodyMoved();
    // The watcher or the process may have ended it.
    if (this.#target?.writable !== true) return;
    this.stalled = !this.#write(this.#target, chunk);
    if (this.stalled) this.#source.pause();
  };

  #write(target: Socket, chunk: Buffer): boolean {
    if (!this.#chunked) return target.write(chunk);
    target.cork();
    target.write(`${chunk.length.toString(16)}\r\n`, "latin1");
    target.write(chunk);
    const goesOn = target.write("\r\n", "latin1");
    target.uncork();
    return goesOn;
  }

  readonly #onDrain = (): void => {
    this.stalled = false;
    this.#source.resume();
  };

  readonly #onEnd = (): void => {
    this.isPending = false;
    if (this.#chunked) this.#target?.write("0\r\n\r\n", "latin1");
    this.#detach();
    this.#watcher.bodyEnded();
  };

  readonly #onClose = (): void => {
    if (this.#source.complete) return;
    this.#detach();
    this.#watcher.bodyLost();
  };

  /** The process is gone: what still comes is dropped. */
  readonly #stop = (): void => {
    this.#detach();
    this.#source.resume();
  };

  #detach(): void {
    this.#target?.off("drain", this.#onDrain).off("close", this.#stop);
    this.#target = undefined;
    const source = this.#source;
    source.off("data", this.#onData).off("end", this.#onEnd).off("close", this.#onClose).off("error", this.#onClose);
  }
}

export function announcesBody(request: IncomingMessage): boolean {
  const length = request.headers["content-length"];
  return request.headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0");
}
