/** The lines of a stream that match, oldest first, a block at a time: an answer of any size in little memory. */
import type { Block } from "./block-index.ts";
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

export async function* forwardLines(
  files: SegmentFiles,
  { segments, end }: Snapshot,
  sieve: Sieve,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const { sinceUs, untilUs } = sieve.selection.filter;
  for (const segment of segmentsWithin(segments, sinceUs, untilUs)) {
    if (signal.aborted) return;
    // Held while the reader is slow: what is open stays readable when retention removes it.
    const source = await openIfThere(files, segment);
    if (source === undefined) continue;
    try {
      const isSealed = segment !== end.segment;
      const size = isSealed ? await source.size() : end.offset;
      const target = { dir: files.dir, segment, source, size, isSealed, isReadOnly: files.isReadOnly };
      yield* forwardSegment(target, sieve, signal);
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

async function* forwardSegment(
  target: SegmentToRead,
  sieve: Sieve,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const blocks = await loadIndex(target, true);
  // The context of a hit may be in any block.
  const candidates = sieve.context > 0 ? undefined : await sieve.selection.candidates(target, blocks);
  for (let number = 0; number < blocks.length; number += 1) {
    if (signal.aborted) return;
    if (!isCandidate(candidates, number)) continue;
    const block = blocks.at(number);
    if (!mayBeIn(sieve, block)) continue;
    const lines = await readBlock(target, block);
    // Not what the index says: from here on the lines themselves tell where they begin and end.
    if (lines === undefined) return yield* forwardUnindexed(target, block.offset, sieve, signal);
    const found = await sieve.sift(lines);
    if (found.length > 0) yield found;
  }
}

function mayBeIn({ selection, context }: Sieve, block: Block): boolean {
  return context > 0 ? selection.scope.mayBeIn(block) : selection.mayBeIn(block);
}

async function* forwardUnindexed(
  { source, size }: SegmentToRead,
  from: number,
  sieve: Sieve,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  let at = await nextLineStart(source, from, size);
  while (!signal.aborted) {
    const lines = await readLines(source, at, size);
    if (lines.length === 0) return;
    at += lines.length;
    const found = await sieve.sift(lines);
    if (found.length > 0) yield found;
  }
}

/** Where the first line begins at the offset or behind it. */
export async function nextLineStart(source: SegmentSource, offset: number, size: number): Promise<number> {
  if (offset === 0) return 0;
  const rest = await readLines(source, offset - 1, size);
  return offset + rest.indexOf(NEWLINE);
}
