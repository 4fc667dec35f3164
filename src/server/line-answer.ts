/** An answer of lines as they come. What many get is made into a chunk of HTTP once and written to each connection as it is;
 *  Node's own stream and its chunks take several times as long, which a hundred followers of a busy app would notice. */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Readable } from "node:stream";

/** More than this is left on the disk until the client has read what there is. */
const WAITING_BYTES_MAX = 512 * 1024;
/** There is room again when no more than this is left. */
const WAITING_BYTES_LOW = 256 * 1024;
/** What is larger is not copied to be made into a chunk. */
const COPIED_BYTES_MAX = 32 * 1024;

const RETURN = 13;
const NEWLINE = 10;
const chunks = new WeakMap<Buffer, Buffer>();

export class LineAnswer {
  /** The answer. */
  readonly body: Readable;
  private readonly response: ServerResponse;
  private room: Promise<void> | undefined;
  private haveRoom: (() => void) | undefined;
  private readonly onSent = (): void => {
    if (this.room !== undefined && (this.response.socket?.writableLength ?? 0) <= WAITING_BYTES_LOW) this.proceed();
  };

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
    if (!this.isDirect || socket === null) return body.push(bytes) ? undefined : this.untilRoom();
    writeChunk(socket, bytes, this.onSent);
    return socket.writableLength <= WAITING_BYTES_MAX ? undefined : this.untilRoom();
  }

  /** The same for memory that is used again: resolves when it was sent, or nobody reads any more. */
  async lend(bytes: Buffer): Promise<void> {
    const { socket } = this.response;
    if (!this.isDirect || socket === null) await this.write(Buffer.from(bytes));
    else await new Promise<void>((resolve) => writeChunk(socket, bytes, resolve));
  }

  /** What was given to the stream is in the connection already, and what comes behind it finds its place there. */
  private get isDirect(): boolean {
    const { body, response } = this;
    return response.headersSent && response.chunkedEncoding && body.readableLength === 0;
  }

  end(last?: Buffer): void {
    if (last !== undefined) void this.write(last);
    this.body.push(null);
  }

  /** Breaks off. */
  fail(error: unknown): void {
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
function writeChunk(socket: Socket, bytes: Buffer, onSent: () => void): void {
  if (bytes.length <= COPIED_BYTES_MAX) return void socket.write(chunkOf(bytes), onSent);
  socket.cork();
  socket.write(`${bytes.length.toString(16)}\r\n`, "latin1");
  socket.write(bytes, onSent);
  socket.write("\r\n", "latin1");
  socket.uncork();
}

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
