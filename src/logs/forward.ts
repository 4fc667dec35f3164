/** The lines of a stream that match, oldest first, a block at a time: an answer of any size in little memory. */
import type { BlockSelection, LineSelection } from "./line-selection.ts";
import type { Block, BlockTable } from "./block-index.ts";
import { segmentsWithin } from "./query.ts";
import type { Snapshot } from "./query.ts";
import { blockBytes, readRegion, rightBlocks, Scratch, wholeLines } from "./read-blocks.ts";
import { isCandidate } from "./signature.ts";
import { readLines } from "./scan-blocks.ts";
import { loadIndex } from "./segment-index.ts";
import type { SegmentToRead } from "./segment-index.ts";
import type { SegmentFiles } from "./segment-files.ts";
import type { SegmentSource } from "./segment-source.ts";
import type { Sieve } from "./sieve.ts";

const NEWLINE = 10;
const PEEK_BYTES = 4096;
/** What is read without the thread pool. */
const REGION_BYTES = 256 * 1024;

export async function* forwardLines(
  files: SegmentFiles,
  snapshot: Snapshot,
  sieve: Sieve,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const { selection, context } = sieve;
  const blocks = context > 0 ? selection.neighbours : selection;
  // Where all lines are passed on they are no copies.
  const scratch = selection.matchesAll ? undefined : new Scratch();
  for await (const target of forwardSegments(files, snapshot, selection, signal)) {
    for await (const lines of candidateLines(target, blocks, signal, scratch)) {
      const found = await sieve.sift(lines);
      if (found.length > 0) yield found === lines && scratch !== undefined ? Buffer.from(found) : found;
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

/** What a reader looks at between two blocks: a signal, or what threads share. */
export type Stop = Pick<AbortSignal, "aborted">;

/** Whole lines of the blocks that may have what is selected, some of them at a time. With a scratch they are good until the next are
 *  asked for. */
export async function* candidateLines(
  target: SegmentToRead,
  selection: BlockSelection,
  stop: Stop,
  scratch?: Scratch,
): AsyncGenerator<Buffer, void, undefined> {
  const blocks = await loadIndex(target, true);
  const candidates = await selection.candidates(target, blocks);
  const isWanted = (number: number): boolean => isCandidate(candidates, number) && selection.mayBeIn(blocks.at(number));
  // Where nothing is passed over it does not matter whether the index is right about what is where.
  const cut = isEvery(blocks, isWanted) ? wholeLines : rightBlocks;
  for (let number = 0; number < blocks.length;) {
    if (stop.aborted) return;
    const wanted = neighboursFrom(number, blocks, isWanted);
    number += Math.max(1, wanted.length);
    const [first] = wanted;
    if (first === undefined) continue;
    const region = await readRegion(target.source, wanted, scratch ?? new Scratch());
    const lines = cut(region, wanted);
    if (lines.length > 0) yield lines;
    // Not what the index says: from here on the lines themselves tell where they begin and end.
    if (lines.length < blockBytes(wanted)) return yield* unindexedLines(target, first.offset + lines.length, stop);
  }
}

function isEvery(blocks: BlockTable, isWanted: (number: number) => boolean): boolean {
  for (let number = 0; number < blocks.length; number += 1) if (!isWanted(number)) return false;
  return true;
}

/** Blocks from a number on that follow each other and are wanted, as many as are read at once; at least one if that is. */
function neighboursFrom(first: number, blocks: BlockTable, isWanted: (number: number) => boolean): Block[] {
  const found: Block[] = [];
  let bytes = 0;
  for (let number = first; number < blocks.length && isWanted(number); number += 1) {
    const block = blocks.at(number);
    bytes += block.bytes;
    if (bytes > REGION_BYTES && found.length > 0) break;
    found.push(block);
  }
  return found;
}

async function* unindexedLines(
  { source, size }: SegmentToRead,
  from: number,
  stop: Stop,
): AsyncGenerator<Buffer, void, undefined> {
  let at = await nextLineStart(source, from, size);
  while (!stop.aborted) {
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
