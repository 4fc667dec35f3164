/** Follows a stream from a place: reads what is stored behind it, then waits for more. A follower has nothing but its own
 *  place, so a slow one costs the writer no memory and no time. It misses a line only where retention removed a segment
 *  before the follower had come to its end; then a line says so (L11). */
import { errorHead } from "../core/error-codes.ts";
import { formatLogLine, formatStamp } from "../core/log-line.ts";
import { ifThere } from "./if-there.ts";
import type { Notifier } from "./notifier.ts";
import { readLines } from "./scan-blocks.ts";
import { segmentUs } from "./segment-files.ts";
import type { Position, SegmentFiles } from "./segment-files.ts";
import type { Sieve } from "./sieve.ts";

export interface Stream {
  files: SegmentFiles;
  /** Fires whenever more is stored, and when the stream closes. */
  changed: Notifier;
  segments(): readonly string[];
  end(): Position;
  /** What was stored last, if it is at hand. */
  recent(): { at: Position; lines: Buffer } | undefined;
  isClosed(): boolean;
}

export interface Piece {
  /** Whole lines, perhaps none. */
  lines: Buffer;
  /** Whoever goes on from here gets what follows these lines, and nothing twice. */
  next: Position;
}

/** So much without a line that matches is worth a position, from which nobody has to read it again. */
export const QUIET_BYTES = 4 * 1024 * 1024;

/** Lines that the sieve lets through, in order, until the signal aborts or the stream closes. */
export async function* follow(
  stream: Stream,
  from: Position,
  sieve: Sieve,
  signal: AbortSignal,
): AsyncGenerator<Piece, void, undefined> {
  const wake = (): void => stream.changed.fire();
  signal.addEventListener("abort", wake, { once: true });
  const follower = new Follower(stream, from, sieve);
  try {
    while (!signal.aborted) {
      const piece = await follower.next(signal);
      if (piece !== undefined) yield piece;
      else if (follower.isCurrent && (await waitForMore(stream, signal)) === "over") return;
    }
  } finally {
    signal.removeEventListener("abort", wake);
  }
}

/** Nothing may be awaited between the look at the stream and this. */
async function waitForMore(stream: Stream, signal: AbortSignal): Promise<"more" | "over"> {
  if (stream.isClosed() || signal.aborted) return "over";
  await stream.changed.next();
  return "more";
}

export class Follower {
  private readonly reader: StreamReader;
  private readonly sieve: Sieve;
  private quietBytes = 0;

  constructor(stream: Stream, from: Position, sieve: Sieve) {
    this.reader = new StreamReader(stream, from);
    this.sieve = sieve;
  }

  /** Behind everything that was looked at. */
  get at(): Position {
    return this.reader.at;
  }

  /** Whether nothing was stored since `next` found nothing more. */
  get isCurrent(): boolean {
    return this.reader.isCurrent;
  }

  /** What comes next of what is stored; undefined when that is nothing, or the signal aborted. */
  async next(signal: AbortSignal): Promise<Piece | undefined> {
    while (!signal.aborted) {
      const read = await this.reader.next();
      if (read === undefined || read.isLoss) return read;
      this.quietBytes += read.lines.length;
      const lines = await this.sieve.sift(read.lines);
      if (lines.length === 0 && this.quietBytes < QUIET_BYTES) continue;
      this.quietBytes = 0;
      return { lines, next: read.next };
    }
    return undefined;
  }
}

export interface Reading extends Piece {
  /** Whether it is a line that tells of lines that are gone. */
  isLoss: boolean;
}

/** The lines behind a place, some at a time. */
export class StreamReader {
  at: Position;
  private readonly stream: Stream;
  private seenEnd: Position | undefined;

  constructor(stream: Stream, from: Position) {
    this.stream = stream;
    this.at = from;
  }

  get isCurrent(): boolean {
    return this.seenEnd !== undefined && isSame(this.seenEnd, this.stream.end());
  }

  /** What is next, where that was stored last. */
  atHand(): Reading | undefined {
    const recent = this.stream.recent();
    if (recent === undefined || !isSame(recent.at, this.at)) return undefined;
    return this.read(recent.lines);
  }

  private read(lines: Buffer): Reading {
    this.at = { segment: this.at.segment, offset: this.at.offset + lines.length };
    return { lines, next: this.at, isLoss: false };
  }

  /** Undefined when there is no more for now. */
  async next(): Promise<Reading | undefined> {
    const { stream } = this;
    for (;;) {
      // Looked up before the read: only then is what was read the end of this segment.
      const newer = nextSegment(stream, this.at);
      const end = stream.end();
      this.seenEnd = end;
      const lines = await readNext(stream, this.at, end);
      if (Buffer.isBuffer(lines)) return this.read(lines);
      if (newer === undefined) return undefined;
      const lost = this.at;
      this.at = newer;
      if (lines === "gone") return { lines: lossLine(lost, newer), next: newer, isLoss: true };
    }
  }
}

function isSame(a: Position, b: Position): boolean {
  return a.segment === b.segment && a.offset === b.offset;
}

/** The start of the segment after this one, once there is one: then this one grows no more and was read to its end. */
function nextSegment(stream: Stream, at: Position): Position | undefined {
  if (at.segment === stream.end().segment) return undefined;
  const newer = stream.segments().find((segment) => segment > at.segment);
  return newer === undefined ? undefined : { segment: newer, offset: 0 };
}

/** Stored lines at the position; "end" when there are no more in this segment, "gone" when it was taken away. */
async function readNext(stream: Stream, at: Position, end: Position): Promise<Buffer | "end" | "gone"> {
  if (at.segment === "" || isSame(at, end)) return "end";
  const recent = stream.recent();
  if (recent !== undefined && isSame(recent.at, at)) return recent.lines;
  const reading = stream.files.use(at.segment, async (source) => {
    const size = at.segment === end.segment ? end.offset : await source.size();
    return readLines(source, at.offset, size);
  });
  const lines = await ifThere(reading);
  if (lines === undefined) return "gone";
  return lines.length === 0 ? "end" : lines;
}

/** Heroku's L11 for what this follower was too slow for. How many lines there were is no longer known. */
function lossLine(lost: Position, next: Position): Buffer {
  const [from, to] = [lost, next].map(({ segment }) => formatStamp(segmentUs(segment) ?? 0)) as [string, string];
  const msg = `${errorHead("L11")} -> This tail session dropped messages from ${from} to ${to}: they were removed before they were read.`;
  return Buffer.from(`${formatLogLine({ ts: to, ps: "logs", source: "heroku", level: "error", msg })}\n`);
}
