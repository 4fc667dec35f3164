/** History and live in one: where the history ends the follower begins, so that no line is missing or comes twice. A
 *  follower that comes back goes on from the place that it was told last. */
import { AppError } from "../core/error.ts";
import { follow, Follower } from "./follow.ts";
import type { Piece, Stream } from "./follow.ts";
import { LineSelection } from "./line-selection.ts";
import type { LiveFeed, Take } from "./live-feed.ts";
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
  const sieve = new Sieve(new LineSelection(query, { isEndless: true }), query.context ?? 0);
  const stop = (): void => void sieve.selection.close();
  signal.addEventListener("abort", stop, { once: true });
  try {
    const first = await begin(stream, snapshot, query, signal);
    if (signal.aborted) return;
    yield first;
    yield* follow(stream, first.next, sieve, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    await sieve.selection.close();
  }
}

/** The same, given to one who takes it; what is new is shared with all others who ask for the same, where nothing but a line itself
 *  decides whether it is wanted. */
export async function tailTo(
  { stream, feed, snapshot }: TailSource,
  query: TailQuery,
  take: Take,
  signal: AbortSignal,
): Promise<void> {
  if (query.regex !== undefined || (query.context ?? 0) > 0) {
    for await (const piece of tailStream(stream, snapshot, query, signal)) await take(piece);
    return;
  }
  const first = await begin(stream, snapshot, query, signal);
  if (signal.aborted) return;
  await take(first);
  const sieve = new Sieve(new LineSelection(query, { isEndless: true }), 0);
  let follower = new Follower(stream, first.next, sieve);
  while (!signal.aborted) {
    const piece = await follower.next(signal);
    if (piece !== undefined) await take(piece);
    else if (!follower.isCurrent) continue;
    else if (stream.isClosed()) return;
    else follower = new Follower(stream, await feed.join(follower.at, query, take, signal), sieve);
  }
}

export interface TailSource {
  stream: Stream;
  feed: LiveFeed;
  snapshot: Snapshot;
}

/** The history, or the place from which a follower goes on. */
async function begin(stream: Stream, snapshot: Snapshot, query: TailQuery, signal: AbortSignal): Promise<Piece> {
  const { after } = query;
  if (after === undefined) return readHistory({ files: stream.files, snapshot, signal }, query);
  return { lines: Buffer.alloc(0), next: await checkPlace(stream, after) };
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
