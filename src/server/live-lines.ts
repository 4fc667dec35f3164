/** An answer that goes on with what is new. What many get is made into a chunk of HTTP once and written to each connection
 *  as it is; Node's own stream and its chunks take several times as long, which a hundred followers of a busy app would
 *  notice. */
import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";

/** More than this is left on the disk until the client has read what there is. */
const WAITING_BYTES_MAX = 512 * 1024;

const chunks = new WeakMap<Buffer, Buffer>();

export class LiveLines {
  /** The answer. */
  readonly body: Readable;
  private readonly response: ServerResponse;
  private room: (() => void) | undefined;

  constructor(response: ServerResponse) {
    this.response = response;
    this.body = new Readable({ read: () => this.proceed() });
    response.once("close", () => this.proceed());
  }

  /** @returns a promise where the client does not keep up: it resolves when there is room, or nobody reads any more */
  write(bytes: Buffer): Promise<void> | undefined {
    const { body, response } = this;
    if (body.destroyed || response.destroyed) return undefined;
    const { socket } = response;
    // What was given to the stream is in the connection already, and what comes behind it finds its place there.
    const isDirect = response.headersSent && response.chunkedEncoding && body.readableLength === 0;
    if (!isDirect || socket === null) return body.push(bytes) ? undefined : this.untilRoom();
    socket.write(chunkOf(bytes));
    if (socket.writableLength <= WAITING_BYTES_MAX) return undefined;
    socket.once("drain", () => this.proceed());
    return this.untilRoom();
  }

  end(): void {
    this.body.push(null);
  }

  private untilRoom(): Promise<void> {
    return new Promise((resolve) => {
      this.room = resolve;
    });
  }

  private proceed(): void {
    this.room?.();
    this.room = undefined;
  }
}

/** RFC 9112, 7.1. */
function chunkOf(bytes: Buffer): Buffer {
  const known = chunks.get(bytes);
  if (known !== undefined) return known;
  const chunk = Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
  chunks.set(bytes, chunk);
  return chunk;
}
