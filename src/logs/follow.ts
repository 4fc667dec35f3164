/** Follows a stream from a position: reads what is stored behind it, then waits for more. Each follower has nothing but
 *  its own position, so a slow one costs the writer no memory and no time, and misses no line. */
import { copyLines } from "./line-matcher.ts";
import type { LineMatcher } from "./line-matcher.ts";
import type { Notifier } from "./notifier.ts";
import { readLines } from "./scan-blocks.ts";
import type { Position, SegmentFiles } from "./segment-files.ts";

export interface Stream {
  files: SegmentFiles;
  /** Fires whenever more is stored, and when the stream closes. */
  changed: Notifier;
  segments(): readonly string[];
  end(): Position;
  isClosed(): boolean;
}

/** Whole lines that match, in order, until the signal aborts or the stream closes. */
export async function* follow(
  stream: Stream,
  from: Position,
  matcher: LineMatcher,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const wake = (): void => stream.changed.fire();
  signal.addEventListener("abort", wake, { once: true });
  let at = from;
  try {
    while (!signal.aborted) {
      // Looked up before the read: only then is what was read the end of this segment.
      const newer = nextSegment(stream, at);
      const end = stream.end();
      const lines = await readNext(stream, at, end);
      if (lines !== undefined) {
        at = { segment: at.segment, offset: at.offset + lines.length };
        const found = matcher.matchesAll ? lines : copyLines(lines, matcher.select(lines));
        if (found.length > 0) yield found;
      } else if (newer !== undefined) at = newer;
      else if (isSame(end, stream.end())) {
        if (stream.isClosed() || signal.aborted) return;
        await stream.changed.next();
      }
    }
  } finally {
    signal.removeEventListener("abort", wake);
  }
}

function isSame(a: Position, b: Position): boolean {
  return a.segment === b.segment && a.offset === b.offset;
}

/** The start of the segment after this one, once there is one: then this one grows no more and was read to its end. */
function nextSegment(stream: Stream, at: Position): Position | undefined {
  const newer = stream.segments().find((segment) => segment > at.segment);
  return newer === undefined ? undefined : { segment: newer, offset: 0 };
}

/** Stored lines at the position; undefined when there are none in this segment. */
async function readNext(stream: Stream, at: Position, end: Position): Promise<Buffer | undefined> {
  if (at.segment === "" || isSame(at, end)) return undefined;
  try {
    const lines = await stream.files.use(at.segment, async (handle) => {
      const size = at.segment === end.segment ? end.offset : (await handle.stat()).size;
      return readLines(handle, at.offset, size);
    });
    return lines.length === 0 ? undefined : lines;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    // The segment was taken away: go on with the next one.
    return undefined;
  }
}
