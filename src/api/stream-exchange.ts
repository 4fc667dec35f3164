/** A question over a unix socket whose answer is a stream, in HTTP/1.1: there its end is told, so that one that broke off is known. To load
 *  node:http takes a sixth of a Node start, and it copies every byte (docs/decisions/176-streams-without-node-http.md). */
import { createConnection, type Socket } from "node:net";
import { Readable } from "node:stream";
import { bodyOf, type AnswerBody, type Arrived } from "./answer-body.ts";
import { BrokenOff, formatQuestion, HEAD_END, NoAnswer, parseHead, type RawQuestion } from "./short-exchange.ts";

/** What Linux lets wait in a unix socket fits in. */
const READ_BYTES = 256 * 1024;
const HEAD_BYTES_MAX = 64 * 1024;
const NOTHING: Arrived = { bytes: Buffer.alloc(0), at: 0 };

/** Resolves when the head of the answer is there.
 *  @throws BrokenOff, NoAnswer, or the socket's own error when nobody listens. */
export async function askForStream(socketPath: string, question: RawQuestion): Promise<SocketAnswer> {
  const reads = new SocketReads(socketPath);
  try {
    reads.socket.write(formatQuestion({ ...question, headers: { connection: "close", ...question.headers } }, "1.1"));
    let came = Buffer.alloc(0);
    for (;;) {
      const bytes = await reads.next();
      if (bytes === undefined) throw new BrokenOff("The connection was closed.");
      came = Buffer.concat([came, bytes]);
      const headEnd = came.indexOf(HEAD_END);
      if (headEnd === -1 && came.length > HEAD_BYTES_MAX) throw new NoAnswer("The answer has no head.");
      if (headEnd === -1) continue;
      const head = parseHead(came.toString("latin1", 0, headEnd));
      if (head === undefined) throw new NoAnswer("The answer is not HTTP.");
      const arrived = { bytes: came, at: headEnd + HEAD_END.length };
      return new SocketAnswer(head, {
        reads,
        body: bodyOf(head.status, head.headers, question.method === "HEAD"),
        arrived,
      });
    }
  } catch (error) {
    reads.close();
    throw error;
  }
}

/** Reads to one piece of memory, and only when asked. */
class SocketReads {
  readonly socket: Socket;
  private came: Buffer | undefined;
  private failure: Error | undefined;
  private isOver = false;
  private wake: () => void = () => undefined;

  constructor(path: string) {
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    const callback = (length: number): boolean => {
      this.came = buffer.subarray(0, length);
      this.wake();
      return false;
    };
    this.socket = createConnection({ path, onread: { buffer, callback } });
    const end = (): void => {
      this.isOver = true;
      this.wake();
    };
    this.socket.on("error", (error) => (this.failure = error));
    this.socket.on("end", end).on("close", end);
  }

  /** Good until the next are asked for; undefined when there are no more.
   *  @throws the socket's error */
  async next(): Promise<Buffer | undefined> {
    const { socket } = this;
    while (this.came === undefined && !this.isOver) {
      const arrival = new Promise<void>((resolve) => (this.wake = resolve));
      socket.resume();
      await arrival;
    }
    if (this.came === undefined && this.failure !== undefined) throw this.failure;
    const bytes = this.came;
    this.came = undefined;
    return bytes;
  }

  close(): void {
    this.socket.destroy();
  }
}

interface Source {
  reads: SocketReads;
  body: AnswerBody;
  arrived: Arrived;
}

/** What node:http calls an IncomingMessage, as far as it is used. */
export class SocketAnswer extends Readable {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  private readonly source: Source;
  private pieces: AsyncGenerator<Buffer, void> | undefined;

  constructor({ status, headers }: { status: number; headers: Record<string, string> }, source: Source) {
    super();
    this.statusCode = status;
    this.headers = headers;
    this.source = source;
  }

  /** All of it, in pieces that are good until the next is asked for; instead of reading the stream.
   *  @throws an error with the code ECONNRESET when it broke off */
  async *lend(): AsyncGenerator<Buffer, void> {
    const { reads, body } = this.source;
    let { arrived } = this.source;
    this.source.arrived = NOTHING;
    try {
      for (;;) {
        const piece = body.take(arrived);
        if (piece !== undefined) yield piece;
        else if (body.isDone) return;
        else {
          const bytes = await reads.next();
          if (bytes === undefined && body.endsWithConnection) return;
          if (bytes === undefined) throw Object.assign(new BrokenOff("The answer broke off."), { code: "ECONNRESET" });
          arrived = { bytes, at: 0 };
        }
      }
    } finally {
      reads.close();
    }
  }

  override _read(): void {
    this.pieces ??= this.lend();
    this.pieces.next().then(
      ({ value }) => this.push(value === undefined ? null : Buffer.from(value)),
      (error: unknown) => this.destroy(error as Error),
    );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.source.reads.close();
    done(error);
  }
}
