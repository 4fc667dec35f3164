/** The body of an answer in HTTP/1.1 out of what a connection brings, piece by piece and without a copy (RFC 9112, sections 6 and 7). */
import { NoAnswer } from "./short-exchange.ts";

/** What was read, and how far it is used. */
export interface Arrived {
  bytes: Buffer;
  at: number;
}

export interface AnswerBody {
  /** Whether all of it was taken. */
  readonly isDone: boolean;
  /** Whether the end of the connection is its end. */
  readonly endsWithConnection: boolean;
  /** The next bytes of the body in what has arrived, if there are any: a view of them.
   *  @throws NoAnswer */
  take(arrived: Arrived): Buffer | undefined;
}

const NEWLINE = 10;
/** Sizes of chunks and trailers are far below this. */
const FRAME_BYTES_MAX = 8 * 1024;
const NOTHING = new Set([204, 304]);

/** @throws NoAnswer for a form that nobody sends. */
export function bodyOf(status: number, headers: Readonly<Record<string, string>>, isHead: boolean): AnswerBody {
  const { "transfer-encoding": coding, "content-length": length } = headers;
  if (isHead || NOTHING.has(status)) return new SizedBody(0);
  if (coding === undefined) return new SizedBody(length === undefined ? undefined : Number(length));
  if (coding.toLowerCase() !== "chunked") throw new NoAnswer(`The answer is sent as ${coding}.`);
  return new ChunkedBody();
}

function takeSome(arrived: Arrived, max: number): Buffer {
  const piece = arrived.bytes.subarray(arrived.at, arrived.at + Math.min(max, arrived.bytes.length - arrived.at));
  arrived.at += piece.length;
  return piece;
}

/** Of a known size, or as long as the connection. */
class SizedBody implements AnswerBody {
  readonly endsWithConnection: boolean;
  private left: number;

  constructor(size: number | undefined) {
    this.left = size ?? Number.POSITIVE_INFINITY;
    this.endsWithConnection = size === undefined;
  }

  get isDone(): boolean {
    return this.left === 0;
  }

  take(arrived: Arrived): Buffer | undefined {
    const piece = takeSome(arrived, this.left);
    this.left -= piece.length;
    return piece.length === 0 ? undefined : piece;
  }
}

class ChunkedBody implements AnswerBody {
  isDone = false;
  readonly endsWithConnection = false;
  private left = 0;
  private expected: "size" | "end of chunk" | "trailer" = "size";
  /** Of the line between two chunks, as far as it came. */
  private line = "";

  take(arrived: Arrived): Buffer | undefined {
    while (!this.isDone && arrived.at < arrived.bytes.length) {
      if (this.left === 0) {
        this.takeLine(arrived);
        continue;
      }
      const piece = takeSome(arrived, this.left);
      this.left -= piece.length;
      return piece;
    }
    return undefined;
  }

  private takeLine(arrived: Arrived): void {
    const newline = arrived.bytes.indexOf(NEWLINE, arrived.at);
    const end = newline === -1 ? arrived.bytes.length : newline + 1;
    this.line += arrived.bytes.toString("latin1", arrived.at, end);
    arrived.at = end;
    if (this.line.length > FRAME_BYTES_MAX) throw new NoAnswer("The answer's chunks cannot be read.");
    if (newline === -1) return;
    this.use(this.line.replace(/\r?\n$/, ""));
    this.line = "";
  }

  private use(line: string): void {
    if (this.expected === "trailer") this.isDone = line === "";
    else if (this.expected === "size") this.begin(line);
    else if (line === "") this.expected = "size";
    else throw new NoAnswer("A chunk of the answer does not end where it should.");
  }

  private begin(line: string): void {
    const [, size] = /^([0-9a-f]{1,8})[ \t]*(?:;.*)?$/i.exec(line) ?? [];
    if (size === undefined) throw new NoAnswer("The answer's chunks cannot be read.");
    this.left = Number.parseInt(size, 16);
    this.expected = this.left === 0 ? "trailer" : "end of chunk";
  }
}
