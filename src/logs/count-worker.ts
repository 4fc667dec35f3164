/** A thread that counts lines of segments that a filter takes (count-threads.ts), one segment after the other. */
import { parentPort } from "node:worker_threads";
import { Pieces, type PiecesState } from "./count-pieces.ts";
import { countInPiece, countSegment } from "./count-segment.ts";
import { ifThere } from "./if-there.ts";
import { LineSelection, type LogFilter } from "./line-selection.ts";
import type { SegmentToRead } from "./segment-index.ts";
import { neverBeCareful } from "./quick-io.ts";
import { openSource } from "./segment-source.ts";

export interface CountJob extends Omit<SegmentToRead, "source"> {
  id: number;
  filter: LogFilter;
  /** One piece alone: the filter is asked of the segment as a whole. */
  pieces: PiecesState;
}

/** What went wrong, if anything did. */
export interface CountEnd {
  id: number;
  count: number;
  failure: { message: string } | undefined;
}

async function count({ filter, pieces: state, ...target }: CountJob): Promise<number> {
  const pieces = new Pieces(state);
  let piece = pieces.take();
  // Nothing is left to do, or retention may have been here meanwhile.
  const source = piece && (await ifThere(openSource(target.dir, target.segment)));
  if (source === undefined) return 0;
  const selection = new LineSelection(filter, { isEndless: false });
  const text = selection.loneText;
  try {
    if (text?.isForKernel !== true || state.pieceBytes >= state.size)
      return await countSegment({ ...target, source }, selection, pieces);
    let count = 0;
    for (; piece !== undefined; piece = pieces.take()) count += await countInPiece({ ...target, source }, text, piece);
    return count;
  } finally {
    await source.close();
  }
}

let turn: Promise<void> = Promise.resolve();

async function answer(job: CountJob): Promise<void> {
  const { id } = job;
  const tell = (end: Omit<CountEnd, "id">): void => parentPort?.postMessage({ ...end, id } satisfies CountEnd, []);
  try {
    tell({ count: await count(job), failure: undefined });
  } catch (error) {
    tell({ count: 0, failure: { message: (error as Error).message } });
  }
}

neverBeCareful();
parentPort?.on("message", (job: CountJob) => {
  turn = turn.then(() => answer(job));
});
