/** What a developer sees of a push, sent as it happens. The work never waits for whoever reads: text is kept until
 *  the reader has connected, dropped (and the drop is told) while it is too far behind, and forgotten once it left. */
import type { Socket } from "node:net";

/** How far a reader may lag behind before text is dropped. */
const PENDING_BYTES_MAX = 1024 * 1024;

export class OutputChannel {
  #socket: Socket | undefined;
  #early: string[] = [];
  #earlyBytes = 0;
  #droppedBytes = 0;
  #ended = false;

  attach(socket: Socket): void {
    this.#socket = socket;
    socket.on("error", () => undefined).resume();
    for (const text of this.#early) socket.write(text);
    this.#early = [];
    this.#earlyBytes = 0;
    if (this.#ended) this.#finish(socket);
  }

  readonly write = (text: string): void => {
    if (this.#ended || text === "" || this.#socket?.writable === false) return;
    if (this.#pendingBytes() > PENDING_BYTES_MAX) {
      this.#droppedBytes += Buffer.byteLength(text);
      return;
    }
    this.#send(this.#takeNotice() + text);
  };

  /** Sends what is left, then ends the reader's connection. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#socket !== undefined) this.#finish(this.#socket);
  }

  #finish(socket: Socket): void {
    // Destroyed once flushed: a reader that never closes its own end must not keep the daemon busy.
    socket.end(this.#takeNotice(), () => socket.destroy());
  }

  #send(text: string): void {
    if (this.#socket !== undefined) {
      this.#socket.write(text);
      return;
    }
    this.#early.push(text);
    this.#earlyBytes += Buffer.byteLength(text);
  }

  #pendingBytes(): number {
    return this.#socket?.writableLength ?? this.#earlyBytes;
  }

  #takeNotice(): string {
    if (this.#droppedBytes === 0) return "";
    const notice = `\n       (${String(this.#droppedBytes)} bytes of output were left out: the connection is too slow)\n`;
    this.#droppedBytes = 0;
    return notice;
  }
}
