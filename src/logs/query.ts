/** The last lines of a stream that match: reads blocks from the newest backwards, skips those whose index says that they
 *  cannot match, and stops when it has enough or has come to lines that are too old. */
import type { Block, BlockTable } from "./block-index.ts";
import { newAnswer } from "./answer.ts";
import type { Answer, LastLines, Wanted } from "./answer.ts";
import { ifThere } from "./if-there.ts";
import { cutBlock, readRegion, Scratch } from "./read-blocks.ts";
import { loadIndex, rememberedIndex } from "./segment-index.ts";
import type { SegmentToRead } from "./segment-index.ts";
import { isCandidate } from "./signature.ts";
import { segmentUs } from "./segment-files.ts";
import type { Position, SegmentFiles } from "./segment-files.ts";

/** Half a megabyte of them. */
const BLOCKS_AT_ONCE_MAX = 8;
const NEWLINE = 10;

/** What a reader may see: the segments, oldest first, and the end of the newest. */
export interface Snapshot {
  segments: readonly string[];
  end: Position;
}

/** Segments that begin in one microsecond get names that run a little ahead of their lines. */
const NAME_SLACK_US = 1_000_000;

/** The segments that may have lines of this time: each ends before the next one begins. */
export function segmentsWithin(
  segments: readonly string[],
  sinceUs: number | undefined,
  untilUs: number | undefined,
): string[] {
  return segments.filter((segment, index) => {
    const next = segments[index + 1];
    if (sinceUs !== undefined && next !== undefined && (segmentUs(next) ?? sinceUs) < sinceUs) return false;
    return untilUs === undefined || (segmentUs(segment) ?? 0) - NAME_SLACK_US < untilUs;
  });
}

/** A block was not what the index of its segment says. */
class WrongIndex extends Error {
  readonly segment: string;
  constructor(segment: string) {
    super(`The index of ${segment} does not fit.`);
    this.segment = segment;
  }
}

export async function lastLines(
  files: SegmentFiles,
  snapshot: Snapshot,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<LastLines> {
  const search = { files, signal, distrusted: new Set<string>(), scratch: new Scratch() };
  try {
    return await untilTrusted(search, snapshot, wanted);
  } finally {
    search.scratch.close();
  }
}

async function untilTrusted(
  search: Omit<Search, "answer"> & { distrusted: Set<string> },
  snapshot: Snapshot,
  wanted: Wanted,
): Promise<LastLines> {
  for (;;) {
    const answer = newAnswer(wanted);
    try {
      await addSegments({ ...search, answer }, snapshot, wanted);
      return answer.result();
    } catch (error) {
      if (!(error instanceof WrongIndex)) throw error;
      // Forget what it led to and read that segment itself.
      search.distrusted.add(error.segment);
    }
  }
}

interface Search {
  answer: Answer;
  files: SegmentFiles;
  signal: AbortSignal;
  /** Segments whose index is known to be wrong. */
  distrusted: ReadonlySet<string>;
  scratch: Scratch;
}

async function addSegments(search: Search, { segments, end }: Snapshot, { selection }: Wanted): Promise<void> {
  const { answer, files, signal } = search;
  const { sinceUs, untilUs } = selection.filter;
  for (const segment of segmentsWithin(segments, sinceUs, untilUs).toReversed()) {
    if (answer.isComplete() || signal.aborted) break;
    if (segment !== end.segment && (await isRuledOut(search, segment))) continue;
    const added = files.use(segment, async (source) => {
      const isSealed = segment !== end.segment;
      const size = isSealed ? await source.size() : end.offset;
      await addSegment(search, { dir: files.dir, segment, source, size, isSealed, isReadOnly: files.isReadOnly });
    });
    await ifThere(added);
  }
}

/** Whether a finished segment is known to have nothing of what is wanted, without a look at its lines. */
async function isRuledOut({ answer, files, distrusted }: Search, segment: string): Promise<boolean> {
  const { dir, isReadOnly } = files;
  const blocks = distrusted.has(segment) ? undefined : rememberedIndex(dir, segment);
  if (blocks === undefined) return false;
  const candidates = await answer.candidates({ dir, segment, isReadOnly }, blocks);
  for (let number = 0; number < blocks.length; number += 1)
    if (isCandidate(candidates, number) && answer.mayBeIn(blocks, number)) return false;
  return true;
}

async function addSegment(search: Search, target: SegmentToRead): Promise<void> {
  const { answer, signal } = search;
  const isTrusted = !search.distrusted.has(target.segment);
  const blocks = await loadIndex(target, isTrusted);
  const candidates = isTrusted ? await answer.candidates(target, blocks) : undefined;
  const mayBeIn = (number: number): boolean => isCandidate(candidates, number) && answer.mayBeIn(blocks, number);
  // One block first: often it has all that is wanted. Whoever has to read on reads in larger pieces.
  for (let [end, max] = [blocks.length, 1]; end > 0; max = Math.min(max * 2, BLOCKS_AT_ONCE_MAX)) {
    const neighbours = wantedNeighbours(mayBeIn, blocks, end, max);
    end -= Math.max(1, neighbours.length);
    if (answer.isComplete() || signal.aborted) return;
    if (neighbours.length > 0) await addBlocks(search, target, neighbours);
  }
}

/** Of blocks that follow each other. */
async function addBlocks(search: Search, target: SegmentToRead, blocks: readonly Block[]): Promise<void> {
  const { answer, signal, distrusted, scratch } = search;
  const { segment } = target;
  const isTrusted = !distrusted.has(segment);
  const region = await readRegion(target.source, blocks, scratch);
  // Without a hit it does not matter where in it blocks begin; whole lines it must be.
  if (isTrusted && region.at(-1) === NEWLINE && !answer.mayHave(region)) return;
  for (const block of blocks.toReversed()) {
    if (answer.isComplete() || signal.aborted) return;
    const lines = cutBlock(region, block, blocks);
    if (lines === undefined && isTrusted) throw new WrongIndex(segment);
    if (lines !== undefined) await answer.add(lines, { segment, offset: block.offset });
  }
}

/** Blocks before number `end` that follow each other and may all have what is wanted. */
function wantedNeighbours(mayBeIn: (number: number) => boolean, blocks: BlockTable, end: number, max: number): Block[] {
  let first = end;
  while (first > 0 && end - first < max && mayBeIn(first - 1)) first -= 1;
  return Array.from({ length: end - first }, (_, number) => blocks.at(first + number));
}
