/** The lines of a stream that match, oldest first, a block at a time: an answer of any size in little memory. */
import type { BlockSelection, LineSelection } from "./line-selection.ts";
import { readBlock, segmentsWithin } from "./query.ts";
import type { Snapshot } from "./query.ts";
import { isCandidate } from "./signature.ts";
import { readLines } from "./scan-blocks.ts";
import { loadIndex } from "./segment-index.ts";
import type { SegmentToRead } from "./segment-index.ts";
import type { SegmentFiles } from "./segment-files.ts";
import type { SegmentSource } from "./segment-source.ts";
import type { Sieve } from "./sieve.ts";

const NEWLINE = 10;
const PEEK_BYTES = 4096;

export async function* forwardLines(
  files: SegmentFiles,
  snapshot: Snapshot,
  sieve: Sieve,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const { selection, context } = sieve;
  for await (const target of forwardSegments(files, snapshot, selection, signal)) {
    for await (const lines of candidateLines(target, context > 0 ? selection.neighbours : selection, signal)) {
      const found = await sieve.sift(lines);
      if (found.length > 0) yield found;
    }
  }
}

/** The segments that may have lines of the time, each open until the next is asked for. */
export async function* forwardSegments(
  files: SegmentFiles,
  { segments, end }: Snapshot,
  { filter }: LineSelection,
  signal: AbortSignal,
): AsyncGenerator<SegmentToRead, void, undefined> {
  const { dir, isReadOnly } = files;
  for (const segment of segmentsWithin(segments, filter.sinceUs, filter.untilUs)) {
    if (signal.aborted) return;
    // Held while the reader is slow: what is open stays readable when retention removes it.
    const source = await openIfThere(files, segment);
    if (source === undefined) continue;
    try {
      const isSealed = segment !== end.segment;
      yield { dir, segment, source, size: isSealed ? await source.size() : end.offset, isSealed, isReadOnly };
    } finally {
      await files.release(segment);
    }
  }
}

async function openIfThere(files: SegmentFiles, segment: string): Promise<SegmentSource | undefined> {
  try {
    return await files.acquire(segment).source;
  } catch (error) {
    await files.release(segment);
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return undefined;
  }
}

/** Whole lines, a block at a time, of the blocks that may have what is selected. */
export async function* candidateLines(
  target: SegmentToRead,
  selection: BlockSelection,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const blocks = await loadIndex(target, true);
  const candidates = await selection.candidates(target, blocks);
  for (let number = 0; number < blocks.length; number += 1) {
    if (signal.aborted) return;
    if (!isCandidate(candidates, number)) continue;
    const block = blocks.at(number);
    if (!selection.mayBeIn(block)) continue;
    const lines = await readBlock(target, block);
    // Not what the index says: from here on the lines themselves tell where they begin and end.
    if (lines === undefined) return yield* unindexedLines(target, block.offset, signal);
    yield lines;
  }
}

async function* unindexedLines(
  { source, size }: SegmentToRead,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  let at = await nextLineStart(source, from, size);
  while (!signal.aborted) {
    const lines = await readLines(source, at, size);
    if (lines.length === 0) return;
    at += lines.length;
    yield lines;
  }
}

/** Where the first line begins at the offset or behind it. */
export async function nextLineStart(source: SegmentSource, offset: number, size: number): Promise<number> {
  if (offset === 0) return 0;
  // Most lines end soon.
  const some = Buffer.allocUnsafe(Math.max(0, Math.min(PEEK_BYTES, size - offset + 1)));
  const newline = some.subarray(0, await source.read(some, some.length, offset - 1)).indexOf(NEWLINE);
  if (newline !== -1) return offset + newline;
  const rest = await readLines(source, offset - 1, size);
  return offset + rest.indexOf(NEWLINE);
}
