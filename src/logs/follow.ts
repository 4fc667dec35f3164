/** Follows a stream from a position: reads what is stored behind it, then waits for more. Each follower has nothing but
 *  its own position, so a slow one costs the writer no memory and no time. It misses a line only where retention removed
 *  a segment before the follower had come to its end; then a line says so (L11). */
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
  isClosed(): boolean;
}

export interface Piece {
  /** Whole lines, perhaps none. */
  lines: Buffer;
  /** Whoever goes on from here gets what follows these lines, and nothing twice. */
  next: Position;
}

/** So much without a line that matches is worth a position, from which nobody has to read it again. */
const QUIET_BYTES = 4 * 1024 * 1024;
const SHARED_BYTES_MAX = 64 * 1024;

/** Lines that the sieve lets through, in order, until the signal aborts or the stream closes. */
export async function* follow(
  stream: Stream,
  from: Position,
  sieve: Sieve,
  signal: AbortSignal,
): AsyncGenerator<Piece, void, undefined> {
  const wake = (): void => stream.changed.fire();
  signal.addEventListener("abort", wake, { once: true });
  let at = from;
  let quietBytes = 0;
  try {
    while (!signal.aborted) {
      // Looked up before the read: only then is what was read the end of this segment.
      const newer = nextSegment(stream, at);
      const end = stream.end();
      const lines = await readNext(stream, at, end);
      if (lines === "gone" && newer !== undefined) {
        yield { lines: lossLine(at, newer), next: newer };
        at = newer;
      } else if (Buffer.isBuffer(lines)) {
        at = { segment: at.segment, offset: at.offset + lines.length };
        quietBytes += lines.length;
        const found = await sieve.sift(lines);
        if (found.length === 0 && quietBytes < QUIET_BYTES) continue;
        quietBytes = 0;
        yield { lines: found, next: at };
      } else if (newer !== undefined) at = newer;
      else if (isSame(end, stream.end()) && (await waitForMore(stream, signal)) === "over") return;
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

function isSame(a: Position, b: Position): boolean {
  return a.segment === b.segment && a.offset === b.offset;
}

/** The start of the segment after this one, once there is one: then this one grows no more and was read to its end. */
function nextSegment(stream: Stream, at: Position): Position | undefined {
  const newer = stream.segments().find((segment) => segment > at.segment);
  return newer === undefined ? undefined : { segment: newer, offset: 0 };
}

/** Stored lines at the position; "end" when there are no more in this segment, "gone" when it was taken away. */
async function readNext(stream: Stream, at: Position, end: Position): Promise<Buffer | "end" | "gone"> {
  if (at.segment === "" || isSame(at, end)) return "end";
  const lines = await ifThere(readOnce(stream.files, at, end));
  if (lines === undefined) return "gone";
  return lines.length === 0 ? "end" : lines;
}

interface LastReading {
  at: Position;
  end: Position;
  lines: Promise<Buffer>;
}

/** Of each stream: followers that have come to its end ask for the same at the same moment, and get the same bytes. */
const lastReadings = new WeakMap<SegmentFiles, LastReading>();

function readOnce(files: SegmentFiles, at: Position, end: Position): Promise<Buffer> {
  const last = lastReadings.get(files);
  if (last !== undefined && isSame(last.at, at) && isSame(last.end, end)) return last.lines;
  const lines = files.use(at.segment, async (source) => {
    const size = at.segment === end.segment ? end.offset : await source.size();
    return readLines(source, at.offset, size);
  });
  lines.catch(() => lastReadings.delete(files));
  // What is larger than usual is for one that is behind, and kept for nobody.
  if (at.segment === end.segment && end.offset - at.offset <= SHARED_BYTES_MAX)
    lastReadings.set(files, { at, end, lines });
  return lines;
}

/** Heroku's L11 for what this follower was too slow for. How many lines there were is no longer known. */
function lossLine(lost: Position, next: Position): Buffer {
  const [from, to] = [lost, next].map(({ segment }) => formatStamp(segmentUs(segment) ?? 0)) as [string, string];
  const msg = `${errorHead("L11")} -> This tail session dropped messages from ${from} to ${to}: they were removed before they were read.`;
  return Buffer.from(`${formatLogLine({ ts: to, ps: "logs", source: "heroku", level: "error", msg })}\n`);
}
