/** Where the body of a response ends: after so many bytes, after its last chunk (RFC 9112 §7.1), or with the
 *  connection. */

export interface BodySink {
  onBody(chunk: Buffer): void;
}

export type Framing = number | "chunked" | "close";

const SIZE_LINE = /^([0-9a-f]{1,12})[ \t]*(?:;.*)?$/i;
const LINE_MAX = 8 * 1024;
const TRAILERS_MAX = 64 * 1024;
const NEWLINE = 10;

export class BodyReader {
  /** All of it has been read. */
  done = false;
  /** It cannot be read on. */
  broken = false;
  /** The lines behind the last chunk. */
  readonly trailers: string[] = [];
  private readonly framing: Framing;
  private readonly sink: BodySink;
  /** Bytes of the body, or of the chunk, that are still to come. */
  private left: number;
  private expects: "data" | "size" | "end of chunk" | "trailer";
  /** The beginning of a line that is not complete. */
  private line = "";
  private trailerBytes = 0;

  constructor(framing: Framing, sink: BodySink) {
    this.framing = framing;
    this.sink = sink;
    this.left = framing === "chunked" ? 0 : framing === "close" ? Number.POSITIVE_INFINITY : framing;
    this.expects = framing === "chunked" ? "size" : "data";
    this.done = framing === 0;
  }

  /** Reads from `at` on; returns where the body or the buffer ends. */
  read(buffer: Buffer, at: number): number {
    let place = at;
    while (place < buffer.length && !this.done && !this.broken) {
      place = this.expects === "data" ? this.readData(buffer, place) : this.readLine(buffer, place);
    }
    return place;
  }

  private readData(buffer: Buffer, at: number): number {
    const end = Math.min(buffer.length, at + this.left);
    this.left -= end - at;
    if (this.left === 0) {
      if (this.framing === "chunked") this.expects = "end of chunk";
      else this.done = true;
    }
    this.sink.onBody(at === 0 && end === buffer.length ? buffer : buffer.subarray(at, end));
    return end;
  }

  private readLine(buffer: Buffer, at: number): number {
    const newline = buffer.indexOf(NEWLINE, at);
    const end = newline === -1 ? buffer.length : newline + 1;
    this.line += buffer.toString("latin1", at, end);
    if (this.line.length > LINE_MAX) this.broken = true;
    else if (newline !== -1) {
      const line = this.line;
      this.line = "";
      if (line.endsWith("\r\n")) this.takeLine(line.slice(0, -2));
      else this.broken = true;
    }
    return end;
  }

  private takeLine(line: string): void {
    if (this.expects === "trailer") this.takeTrailer(line);
    else if (this.expects === "size") this.takeSize(line);
    else if (line === "") this.expects = "size";
    else this.broken = true;
  }

  private takeSize(line: string): void {
    const size = SIZE_LINE.exec(line)?.[1];
    if (size === undefined) {
      this.broken = true;
      return;
    }
    this.left = Number.parseInt(size, 16);
    this.expects = this.left === 0 ? "trailer" : "data";
  }

  private takeTrailer(line: string): void {
    if (line === "") {
      this.done = true;
      return;
    }
    this.trailerBytes += line.length;
    if (this.trailerBytes > TRAILERS_MAX) this.broken = true;
    this.trailers.push(line);
  }
}
