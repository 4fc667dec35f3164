/** Counts the lines that a filter takes, without taking them out. Large segments are counted in threads: the event loop stays free,
 *  and more than one processor is used. */
import { countSegment, isForReadingThrough, type Piece } from "./count-segment.ts";
import { countInThread } from "./count-threads.ts";
import type { CountJob } from "./count-worker.ts";
import { forwardSegments } from "./forward.ts";
import { LineSelection, type LogFilter } from "./line-selection.ts";
import type { Reading } from "./log-reader.ts";
import type { SegmentToRead } from "./segment-index.ts";

/** What is smaller is counted before a thread has started, unless there are threads already. */
const THREAD_BYTES_MIN = 32 * 1024 * 1024;
/** So that all threads are done at about the same time. */
const PIECE_BYTES = 32 * 1024 * 1024;

/** @throws AppError invalid_params for a pattern that is none or takes too long. */
export async function countLines({ files, snapshot, signal }: Reading, filter: LogFilter): Promise<number> {
  const selection = new LineSelection(filter, { isEndless: false });
  const inThreads: Promise<number>[] = [];
  let count = 0;
  try {
    for await (const target of forwardSegments(files, snapshot, selection, signal)) {
      const isLarge = inThreads.length > 0 || target.size >= THREAD_BYTES_MIN;
      const pieces = isLarge ? await piecesForThreads(target, selection) : [];
      for (const piece of pieces) inThreads.push(settled(countInThread(jobOf(target, filter, piece), signal)));
      if (pieces.length === 0) count += await countSegment(target, selection, signal);
    }
  } finally {
    await selection.close();
    await Promise.allSettled(inThreads);
  }
  for (const part of inThreads) count += await part;
  return count;
}

/** A pattern has a thread of its own, and what is in few blocks needs none. */
async function piecesForThreads(
  target: SegmentToRead,
  selection: LineSelection,
): Promise<readonly (Piece | undefined)[]> {
  const { filter, loneText } = selection;
  if (filter.regex !== undefined) return [];
  if (loneText === undefined) return [undefined];
  if (!(await isForReadingThrough(target, selection))) return [];
  const count = Math.ceil(target.size / PIECE_BYTES);
  return Array.from({ length: count }, (_, number) => ({ from: number * PIECE_BYTES, to: (number + 1) * PIECE_BYTES }));
}

function jobOf({ source: _source, ...target }: SegmentToRead, filter: LogFilter, piece: Piece | undefined): CountJob {
  return { ...target, filter, piece };
}

/** Its failure is told to whoever awaits it, later. */
function settled(part: Promise<number>): Promise<number> {
  part.catch(() => undefined);
  return part;
}
