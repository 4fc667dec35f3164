/** The last lines of a stream that match: reads blocks from the newest backwards, skips those whose index says that they
 *  cannot match, and stops when it has enough or has come to lines that are too old. */
import { crc32 } from "node:zlib";
import type { Block } from "./block-index.ts";
import { newAnswer } from "./answer.ts";
import type { Answer, Wanted } from "./answer.ts";
import { loadBlocks } from "./scan-blocks.ts";
import type { SegmentToRead } from "./scan-blocks.ts";
import { segmentUs } from "./segment-files.ts";
import type { Position, SegmentFiles } from "./segment-files.ts";

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

/** NDJSON, oldest line first; `start` is where it begins when there is context. */
export async function lastLines(
  files: SegmentFiles,
  snapshot: Snapshot,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<{ lines: Buffer; start: Position | undefined }> {
  const distrusted = new Set<string>();
  for (;;) {
    const answer = newAnswer(wanted);
    try {
      await addSegments({ answer, files, signal, distrusted }, snapshot, wanted);
      return answer.result();
    } catch (error) {
      if (!(error instanceof WrongIndex)) throw error;
      // Forget what it led to and read that segment itself.
      distrusted.add(error.segment);
    }
  }
}

interface Search {
  answer: Answer;
  files: SegmentFiles;
  signal: AbortSignal;
  /** Segments whose index is known to be wrong. */
  distrusted: ReadonlySet<string>;
}

async function addSegments(search: Search, { segments, end }: Snapshot, { selection }: Wanted): Promise<void> {
  const { answer, files, signal } = search;
  const { sinceUs, untilUs } = selection.filter;
  for (const segment of segmentsWithin(segments, sinceUs, untilUs).toReversed()) {
    if (answer.isComplete() || signal.aborted) break;
    try {
      await files.use(segment, async (handle) => {
        const isSealed = segment !== end.segment;
        const size = isSealed ? (await handle.stat()).size : end.offset;
        await addSegment(search, { dir: files.dir, segment, handle, size, isSealed: isSealed && !files.isReadOnly });
      });
    } catch (error) {
      // Retention may take an old segment away at any time.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}

async function addSegment({ answer, signal, distrusted }: Search, target: SegmentToRead): Promise<void> {
  const { segment } = target;
  const isTrusted = !distrusted.has(segment);
  const blocks = await loadBlocks(target, isTrusted);
  for (const block of blocks.toReversed()) {
    if (answer.isComplete() || signal.aborted) break;
    if (!answer.mayBeIn(block)) continue;
    const lines = await readBlock(target, block);
    if (lines === undefined && isTrusted) throw new WrongIndex(segment);
    if (lines !== undefined) await answer.add(lines, { segment, offset: block.offset });
  }
}

/** Undefined when the block is not what the index says. */
export async function readBlock({ handle }: SegmentToRead, block: Block): Promise<Buffer | undefined> {
  const lines = Buffer.allocUnsafeSlow(block.bytes);
  const { bytesRead } = await handle.read(lines, 0, block.bytes, block.offset);
  return bytesRead < block.bytes || crc32(lines) !== block.crc ? undefined : lines;
}
