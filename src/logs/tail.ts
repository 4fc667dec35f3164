/** History and live in one: where the history ends the follower begins, so that no line is missing or comes twice. A
 *  follower that comes back goes on from the place that it was told last. */
import { AppError } from "../core/error.ts";
import { follow } from "./follow.ts";
import type { Piece, Stream } from "./follow.ts";
import { LineSelection } from "./line-selection.ts";
import type { LogFilter } from "./line-selection.ts";
import { nextLineStart } from "./forward.ts";
import { ifThere } from "./if-there.ts";
import { readLast } from "./log-reader.ts";
import type { Reading } from "./log-reader.ts";
import { segmentsWithin } from "./query.ts";
import type { Snapshot } from "./query.ts";
import type { Position } from "./segment-files.ts";
import { Sieve } from "./sieve.ts";

export interface TailQuery extends LogFilter {
  /** How many lines of history; undefined: all since `sinceUs`. */
  lines?: number | undefined;
  context?: number | undefined;
  /** Instead of history: goes on from here. */
  after?: Position | undefined;
}

const NEWLINE = 10;
/** So far back a follower looks for the neighbours of lines that are still to come. */
const CONTEXT_BYTES = 256 * 1024;

export async function* tailStream(
  stream: Stream,
  snapshot: Snapshot,
  query: TailQuery,
  signal: AbortSignal,
): AsyncGenerator<Piece, void, undefined> {
  const { context = 0, after } = query;
  const nothing = Buffer.alloc(0);
  const selection = new LineSelection(query, { isEndless: true });
  const stop = (): void => void selection.close();
  signal.addEventListener("abort", stop, { once: true });
  try {
    const first =
      after === undefined
        ? await readHistory({ files: stream.files, snapshot, signal }, query)
        : { lines: nothing, next: await checkPlace(stream, after) };
    if (signal.aborted) return;
    yield first;
    yield* follow(stream, first.next, new Sieve(selection, context), signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    await selection.close();
  }
}

/** The history itself; or, where the follower has to see it anyway, only the place where it begins. */
async function readHistory(reading: Reading, query: TailQuery): Promise<Piece> {
  const { segments, end } = reading.snapshot;
  const { lines, context = 0, sinceUs } = query;
  const nothing = Buffer.alloc(0);
  if (lines === undefined) {
    const [segment = ""] = segmentsWithin(segments, sinceUs, undefined);
    return { lines: nothing, next: { segment, offset: 0 } };
  }
  const last = await readLast(reading, { ...query, lines });
  if (context === 0 || lines === 0) return { lines: last.lines, next: end };
  // A hit near the end may have context that is still to come; the first hit to come has some that is there already.
  return { lines: nothing, next: last.start ?? (await recentPlace(reading)) };
}

/** Some lines before the end. */
async function recentPlace({ files, snapshot }: Reading): Promise<Position> {
  const { segment, offset } = snapshot.end;
  if (offset <= CONTEXT_BYTES) return { segment, offset: 0 };
  const start = await files.use(segment, (source) => nextLineStart(source, offset - CONTEXT_BYTES, offset));
  return { segment, offset: start };
}

/** @throws AppError invalid_params when the stream never told this place. */
async function checkPlace(stream: Stream, place: Position): Promise<Position> {
  const { segment, offset } = place;
  if (offset === 0 || !stream.segments().includes(segment)) return place;
  const before = Buffer.alloc(1);
  const reading = stream.files.use(segment, async (source) => ({
    length: await source.read(before, 1, offset - 1),
    size: segment === stream.end().segment ? stream.end().offset : await source.size(),
  }));
  const read = await ifThere(reading);
  if (read === undefined) return place;
  // A power cut may have taken the last second of the stream.
  if (offset > read.size) return { segment, offset: read.size };
  if (read.length === 1 && before[0] === NEWLINE) return place;
  throw new AppError("invalid_params", `No line ends at ${segment}:${String(offset)}.`, {
    hint: "A place in a stream is one that the stream told.",
  });
}
