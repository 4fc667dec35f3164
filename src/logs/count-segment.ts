/** How many lines of a segment a filter takes. */
import type { Piece } from "./count-pieces.ts";
import { candidateLines, nextLineStart, type Stop } from "./forward.ts";
import type { LineSelection } from "./line-selection.ts";
import { logKernel } from "./log-kernel.ts";
import { Scratch } from "./read-blocks.ts";
import { readLines } from "./scan-blocks.ts";
import { loadIndex, type SegmentToRead } from "./segment-index.ts";
import { candidateCount } from "./signature.ts";
import type { TextSearch } from "./text-search.ts";

const NEWLINE = 10;
/** What a processor keeps near it. */
const SCAN_BYTES = 256 * 1024;
/** When a text may be in one of so many blocks, reading all of them as they come is quicker. */
const FEW = 4;
const NOTHING = Buffer.alloc(0);

export async function countSegment(target: SegmentToRead, selection: LineSelection, stop: Stop): Promise<number> {
  const scratch = new Scratch();
  let count = 0;
  try {
    for await (const lines of candidateLines(target, selection, { stop, scratch }))
      count += await selection.count(lines);
    return count;
  } finally {
    scratch.close();
  }
}

/** A text that may be in most blocks of a segment is best looked for by reading through all of it, in pieces. */
export async function isForReadingThrough(target: SegmentToRead, selection: LineSelection): Promise<boolean> {
  if (selection.loneText?.isForKernel !== true || logKernel() === undefined) return false;
  const blocks = await loadIndex(target, true);
  const candidates = await selection.candidates(target, blocks);
  return candidates === undefined || candidateCount(candidates, blocks.length) * FEW >= blocks.length;
}

/** How many lines that begin in a piece of the segment have the text, in a thread that does nothing else: they are looked for where
 *  the file is read to. */
export async function countInPiece(
  { source, size }: SegmentToRead,
  text: TextSearch,
  { from, to }: Piece,
): Promise<number> {
  const kernel = logKernel();
  const end = to < size ? await nextLineStart(source, to, size) : size;
  const area = kernel?.area.subarray(0, SCAN_BYTES) ?? NOTHING;
  let count = 0;
  for (let at = await nextLineStart(source, from, size); at < end;) {
    const bytesRead = await source.read(area, Math.min(area.length, end - at), at);
    const whole = bytesRead === 0 ? 0 : area.lastIndexOf(NEWLINE, bytesRead - 1) + 1;
    if (whole > 0 && kernel !== undefined) {
      count += text.countIn(kernel, whole);
      at += whole;
      continue;
    }
    // A line that is longer than the area.
    const lines = await readLines(source, at, end);
    if (lines.length === 0) break;
    count += text.count(lines);
    at += lines.length;
  }
  return count;
}
