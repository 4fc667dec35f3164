/** Long answers are read in threads: the event loop stays free, and more than one processor is used. What turns out long goes on there
 *  with its next segment, so that a short answer needs none; or it is left to the asker, who reads it with a thread beside.
 *  docs/decisions/177-long-answers-in-a-thread.md, 190-the-asker-reads-the-rest.md. */
import { Claims } from "./claims.ts";
import { forwardLines } from "./forward.ts";
import type { LogFilter } from "./line-selection.ts";
import type { Reading, TakeRest } from "./log-reader.ts";
import { segmentsWithin, type Snapshot } from "./query.ts";
import { ReadThread } from "./read-thread.ts";
import type { Sieve } from "./sieve.ts";

/** An answer is long for which so much is read. */
const LONG_BYTES = 16 * 1024 * 1024;
/** Pieces that a thread may be ahead of a reader somewhere. */
const PIECES_AHEAD = 8;

/** What is left of an answer. */
export interface LogRest {
  dir: string;
  snapshot: Snapshot;
  filter: LogFilter;
}

/** The lines of a stream that match, oldest first, in pieces that are good until the next is asked for. */
export function linesInOrder(
  reading: Reading,
  sieve: Sieve,
  longBytes = LONG_BYTES,
): AsyncGenerator<Buffer, void, undefined> {
  const { files, snapshot, signal, leave } = reading;
  if (!isForThread(sieve)) return forwardLines({ files, snapshot, stop: signal }, sieve);
  return leave === undefined
    ? linesByThread(reading, sieve, longBytes)
    : linesUntilLong({ ...reading, leave }, sieve, longBytes);
}

/** A pattern has a thread of its own, and context is known from one segment to the next. */
function isForThread({ selection, context }: Sieve): boolean {
  return context === 0 && selection.filter.regex === undefined;
}

async function* linesByThread(
  { files, snapshot, signal }: Reading,
  sieve: Sieve,
  longBytes: number,
): AsyncGenerator<Buffer, void> {
  const { filter } = sieve.selection;
  const { dir, isReadOnly } = files;
  const { end } = snapshot;
  const segments = segmentsWithin(snapshot.segments, filter.sinceUs, filter.untilUs);
  const read = { bytes: 0 };
  let thread: ReadThread | undefined;
  try {
    for (const [index, segment] of segments.entries()) {
      if (signal.aborted) return;
      if (thread?.isReady === true) {
        const rest = { segments: segments.slice(index), end };
        const claims = Claims.for(rest.segments.length);
        thread.begin({ dir, isReadOnly, snapshot: rest, filter, claims, room: PIECES_AHEAD }, signal);
        return yield* thread.linesOf(rest.segments.length);
      }
      yield* forwardLines({ files, snapshot: { segments: [segment], end }, stop: signal }, sieve, read);
      if (read.bytes >= longBytes) thread ??= ReadThread.take();
    }
  } finally {
    thread?.giveBack();
  }
}

/** Up to the segment with which it would be long. */
async function* linesUntilLong(
  { files, snapshot, signal, leave }: Reading & { leave: TakeRest },
  sieve: Sieve,
  longBytes: number,
): AsyncGenerator<Buffer, void> {
  const { segments, end } = snapshot;
  const read = { bytes: 0 };
  let left: string | undefined;
  const stop = {
    get aborted() {
      return left !== undefined || signal.aborted;
    },
  };
  const mayRead = (segment: string, bytes: number): boolean => {
    if (read.bytes + bytes >= longBytes) left = segment;
    return left === undefined;
  };
  yield* forwardLines({ files, snapshot, stop, mayRead }, sieve, read);
  if (left === undefined) return;
  const rest = { segments: segments.slice(segments.indexOf(left)), end };
  leave({ dir: files.dir, snapshot: rest, filter: sieve.selection.filter });
}
