/** A thread that counts the lines of a segment that a filter takes (count-threads.ts). */
import { parentPort } from "node:worker_threads";
import { countInPiece, countSegment, type Piece } from "./count-segment.ts";
import { ifThere } from "./if-there.ts";
import { LineSelection, type LogFilter } from "./line-selection.ts";
import type { SegmentToRead } from "./segment-index.ts";
import { neverBeCareful } from "./quick-io.ts";
import { openSource } from "./segment-source.ts";

export interface CountJob extends Omit<SegmentToRead, "source"> {
  filter: LogFilter;
  /** For a text alone. */
  piece: Piece | undefined;
}

const NEVER = new AbortController().signal;

/** What went wrong, if anything did. */
export interface CountEnd {
  count: number;
  failure: { message: string } | undefined;
}

async function count({ filter, piece, ...target }: CountJob): Promise<number> {
  // Retention may have been here meanwhile.
  const source = await ifThere(openSource(target.dir, target.segment));
  if (source === undefined) return 0;
  const selection = new LineSelection(filter, { isEndless: false });
  const text = selection.loneText;
  try {
    if (piece !== undefined && text !== undefined) return await countInPiece({ ...target, source }, text, piece);
    return await countSegment({ ...target, source }, selection, NEVER);
  } finally {
    await source.close();
  }
}

function tell(end: CountEnd): void {
  parentPort?.postMessage(end, []);
}

neverBeCareful();
parentPort?.on("message", (job: CountJob) => {
  count(job).then(
    (count) => tell({ count, failure: undefined }),
    ({ message }: Error) => tell({ count: 0, failure: { message } }),
  );
});
