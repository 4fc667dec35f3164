/** An answer of lines as they come. What many get is made into a chunk of HTTP once and written to each connection as it is;
 *  Node's own stream and its chunks take several times as long, which a hundred followers of a busy app would notice. */
import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";

/** More than this is left on the disk until the client has read what there is. */
const WAITING_BYTES_MAX = 512 * 1024;
/** Small pieces go together when they come soon after each other. */
const GATHER_BYTES = 128 * 1024;
const GATHER_MS = 5;

const RETURN = 13;
const NEWLINE = 10;
const chunks = new WeakMap<Buffer, Buffer>();

export class LineAnswer {
  /** The answer. */
  readonly body: Readable;
  private readonly response: ServerResponse;
  private room: Promise<void> | undefined;
  private haveRoom: (() => void) | undefined;
  private gathered: Buffer[] = [];
  private gatheredBytes = 0;
  private soon: NodeJS.Timeout | undefined;
  private waiting: Promise<void> | undefined;

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

  /** The same for one of many pieces, which goes out with those that follow soon; what `write` wrote is before it. */
  async gather(bytes: Buffer): Promise<void> {
    this.gathered.push(bytes);
    this.gatheredBytes += bytes.length;
    if (this.gatheredBytes >= GATHER_BYTES) this.flush();
    else this.soon ??= setTimeout(() => this.flush(), GATHER_MS);
    await this.waiting;
  }

  private flush(): void {
    clearTimeout(this.soon);
    this.soon = undefined;
    if (this.gatheredBytes === 0) return;
    const bytes = Buffer.concat(this.gathered, this.gatheredBytes);
    this.gathered = [];
    this.gatheredBytes = 0;
    this.waiting = this.write(bytes);
  }

  end(last?: Buffer): void {
    this.flush();
    if (last !== undefined) void this.write(last);
    this.body.push(null);
  }

  /** Breaks off. */
  fail(error: unknown): void {
    this.flush();
    this.body.destroy(error as Error);
  }

  private untilRoom(): Promise<void> {
    this.room ??= new Promise((resolve) => {
      this.haveRoom = resolve;
    });
    return this.room;
  }

  private proceed(): void {
    this.room = undefined;
    this.haveRoom?.();
  }
}

/** RFC 9112, 7.1. */
function chunkOf(bytes: Buffer): Buffer {
  const known = chunks.get(bytes);
  if (known !== undefined) return known;
  const head = `${bytes.length.toString(16)}\r\n`;
  const chunk = Buffer.allocUnsafe(head.length + bytes.length + 2);
  chunk.write(head, "latin1");
  chunk.set(bytes, head.length);
  chunk[chunk.length - 2] = RETURN;
  chunk[chunk.length - 1] = NEWLINE;
  chunks.set(bytes, chunk);
  return chunk;
}
