/** The lines of a stream that match, oldest first, a block at a time: an answer of any size in little memory. */
import type { BlockSelection, LineSelection } from "./line-selection.ts";
import type { Block } from "./block-index.ts";
import { segmentsWithin } from "./query.ts";
import type { Snapshot } from "./query.ts";
import { blockBytes, readRegion, rightBlocks, Scratch, wholeLines } from "./read-blocks.ts";
import { isCandidate } from "./signature.ts";
import { readLines } from "./scan-blocks.ts";
import { loadIndex, uncheckedIndex } from "./segment-index.ts";
import type { SegmentToRead } from "./segment-index.ts";
import type { SegmentFiles } from "./segment-files.ts";
import type { SegmentSource } from "./segment-source.ts";
import type { Sieve } from "./sieve.ts";
import { Gathered, oneMemory, PIECE_BYTES } from "./gathered.ts";

const NEWLINE = 10;
const PEEK_BYTES = 4096;
/** What is read at once, if blocks are not larger: the kernel takes it as it is. */
const REGION_BYTES = 448 * 1024;

/** What a reader looks at between two blocks: a signal, or what threads share. */
export type Stop = Pick<AbortSignal, "aborted">;

export interface ForwardReading {
  files: SegmentFiles;
  snapshot: Snapshot;
  stop: Stop;
  /** For each piece; one for all unless told otherwise. */
  memory?: () => Buffer;
  /** Asked before a segment is read, of which so many bytes may have what is wanted: nothing of it is read unless it says so. */
  mayRead?: ((segment: string, bytes: number) => boolean) | undefined;
}

/** Node's own, in node:timers/promises, takes 10 ms to load. */
const othersTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** In pieces of some hundred KB, or what there is after some milliseconds; each is good until the next is asked for.
 *  @param passed is told how much was read */
export async function* forwardLines(
  { files, snapshot, stop, memory = oneMemory(), mayRead }: ForwardReading,
  sieve: Sieve,
  passed = { bytes: 0 },
): AsyncGenerator<Buffer, void, undefined> {
  const { selection, context } = sieve;
  const blocks = context > 0 ? selection.neighbours : selection;
  const scratch = new Scratch();
  const gathered = new Gathered(memory);
  try {
    for await (const target of forwardSegments(files, snapshot, selection, stop))
      for await (const lines of candidateLines(target, blocks, { stop, scratch, mayRead })) {
        passed.bytes += lines.length;
        const found = await sieve.sift(lines);
        if (gathered.isDue(found.length)) {
          const piece = gathered.take();
          if (piece.length > 0) yield piece;
          await othersTurn();
        }
        if (found.length > PIECE_BYTES) yield Buffer.from(found);
        else gathered.add(found);
      }
    const rest = gathered.take();
    if (rest.length > 0) yield rest;
  } finally {
    scratch.close();
  }
}

/** The segments that may have lines of the time, each open until the next is asked for. */
export async function* forwardSegments(
  files: SegmentFiles,
  { segments, end }: Snapshot,
  { filter }: LineSelection,
  stop: Stop,
): AsyncGenerator<SegmentToRead, void, undefined> {
  const { dir, isReadOnly } = files;
  for (const segment of segmentsWithin(segments, filter.sinceUs, filter.untilUs)) {
    if (stop.aborted) return;
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

interface BlockReading extends Pick<ForwardReading, "stop" | "mayRead"> {
  /** With it lines are good until the next are asked for. */
  scratch?: Scratch;
}

/** Whole lines of the blocks that may have what is selected, some of them at a time. */
export async function* candidateLines(
  target: SegmentToRead,
  selection: BlockSelection,
  reading: BlockReading,
): AsyncGenerator<Buffer, void, undefined> {
  const wanted = (await isWantedWhole(target, selection)) ? undefined : await wantedBlocks(target, selection);
  const bytes = wanted === undefined ? target.size : blockBytes(wanted.filter((block) => block !== undefined));
  if (reading.mayRead?.(target.segment, bytes) === false) return;
  yield* wanted === undefined ? linesFrom(target, 0, reading) : linesOfBlocks(target, wanted, reading);
}

/** @param wanted by the number of the block; undefined where others are */
async function* linesOfBlocks(
  target: SegmentToRead,
  wanted: readonly (Block | undefined)[],
  reading: BlockReading,
): AsyncGenerator<Buffer, void, undefined> {
  const { stop, scratch } = reading;
  // Where nothing is passed over it does not matter whether the index is right about what is where.
  const cut = wanted.includes(undefined) ? rightBlocks : wholeLines;
  for (let number = 0; number < wanted.length;) {
    if (stop.aborted) return;
    const neighbours = neighboursFrom(number, wanted);
    number += Math.max(1, neighbours.length);
    const [first] = neighbours;
    if (first === undefined) continue;
    const region = await readRegion(target.source, neighbours, scratch);
    const lines = cut(region, neighbours);
    if (lines.length > 0) yield lines;
    // Not what the index says: from here on the lines themselves tell where they begin and end.
    if (lines.length < blockBytes(neighbours)) return yield* linesFrom(target, first.offset + lines.length, reading);
  }
}

async function wantedBlocks(target: SegmentToRead, selection: BlockSelection): Promise<(Block | undefined)[]> {
  const blocks = await loadIndex(target, true);
  const candidates = await selection.candidates(target, blocks);
  return Array.from({ length: blocks.length }, (_, number) => {
    const isWanted = isCandidate(candidates, number) && selection.mayBeIn(blocks, number);
    return isWanted ? blocks.at(number) : undefined;
  });
}

/** Blocks from a number on that follow each other and are wanted, as many as are read at once; at least one if that is. */
function neighboursFrom(first: number, wanted: readonly (Block | undefined)[]): Block[] {
  const found: Block[] = [];
  let bytes = 0;
  for (let number = first; ; number += 1) {
    const block = wanted[number];
    bytes += block?.bytes ?? 0;
    if (block === undefined || (bytes > REGION_BYTES && found.length > 0)) return found;
    found.push(block);
  }
}

/** Whether nothing is passed over, by what the index says: then it does not matter whether that is right. */
async function isWantedWhole(target: SegmentToRead, selection: BlockSelection): Promise<boolean> {
  const blocks = selection.hasNoCandidates ? await uncheckedIndex(target) : undefined;
  return blocks !== undefined && selection.mayBeInAll(blocks);
}

/** All from a line's start on, some at a time. */
async function* linesFrom(
  { source, size }: SegmentToRead,
  from: number,
  { stop, scratch }: BlockReading,
): AsyncGenerator<Buffer, void, undefined> {
  for (let at = from; at < size && !stop.aborted;) {
    const room = scratch?.take(Math.min(REGION_BYTES, size - at));
    const region = room?.subarray(0, await source.read(room, room.length, at));
    const short = region && wholeLines(region);
    // Or a line that is longer than that.
    const lines = short === undefined || short.length === 0 ? await readLines(source, at, size) : short;
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
