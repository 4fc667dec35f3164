/** Counts the lines that a filter takes, without taking them out. Large segments are counted in threads: the event loop stays free,
 *  and more than one processor is used. */
import { setMaxListeners } from "node:events";
import { countSegment, isForReadingThrough } from "./count-segment.ts";
import { countInThreads } from "./count-threads.ts";
import { forwardSegments } from "./forward.ts";
import { LineSelection, type LogFilter } from "./line-selection.ts";
import type { Reading } from "./log-reader.ts";
import type { SegmentToRead } from "./segment-index.ts";

/** What is smaller is counted before a thread has started, unless there are threads already. */
const THREAD_BYTES_MIN = 32 * 1024 * 1024;
/** So small that all threads are done at about the same time. */
const PIECE_BYTES = 4 * 1024 * 1024;

/** @throws AppError invalid_params for a pattern that is none or takes too long. */
export async function countLines({ files, snapshot, signal }: Reading, filter: LogFilter): Promise<number> {
  const selection = new LineSelection(filter, { isEndless: false });
  // Every segment listens to it: many of them are no leak.
  setMaxListeners(0, signal);
  const inThreads: Promise<number>[] = [];
  let count = 0;
  try {
    for await (const target of forwardSegments(files, snapshot, selection, signal)) {
      const isLarge = inThreads.length > 0 || target.size >= THREAD_BYTES_MIN;
      const pieceBytes = isLarge ? await pieceBytesForThreads(target, selection) : undefined;
      const { source: _source, ...segment } = target;
      if (pieceBytes === undefined) count += await countSegment(target, selection, signal);
      else inThreads.push(settled(countInThreads({ ...segment, filter }, pieceBytes, signal)));
    }
  } finally {
    await selection.close();
    await Promise.allSettled(inThreads);
  }
  for (const part of inThreads) count += await part;
  return count;
}

/** Undefined where threads are of no use: a pattern has one of its own, and what is in few blocks needs none. */
async function pieceBytesForThreads(target: SegmentToRead, selection: LineSelection): Promise<number | undefined> {
  const { filter, loneText } = selection;
  if (filter.regex !== undefined) return undefined;
  if (loneText === undefined) return target.size;
  return (await isForReadingThrough(target, selection)) ? PIECE_BYTES : undefined;
}

/** Its failure is told to whoever awaits it, later. */
function settled(part: Promise<number>): Promise<number> {
  part.catch(() => undefined);
  return part;
}
