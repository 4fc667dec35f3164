/** The last lines of a stream that match a filter: reads blocks from the newest backwards, skips those whose index says
 *  that they cannot match, and stops when it has enough. */
import type { FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";
import type { Block } from "./block-index.ts";
import { copyLines } from "./line-matcher.ts";
import type { LineMatcher } from "./line-matcher.ts";
import { loadBlocks } from "./scan-blocks.ts";
import type { SegmentToRead } from "./scan-blocks.ts";
import type { Position, SegmentFiles } from "./segment-files.ts";

/** An answer ends early, with the newest lines, when it grows over this. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** What a reader may see: the segments, oldest first, and the end of the newest. */
export interface Snapshot {
  segments: readonly string[];
  end: Position;
}

interface Answer {
  /** Newest first. */
  pieces: Buffer[];
  missing: number;
  bytes: number;
}

/** NDJSON, oldest line first. */
export async function lastLines(
  files: SegmentFiles,
  { segments, end }: Snapshot,
  matcher: LineMatcher,
  lines: number,
): Promise<Buffer> {
  const answer: Answer = { pieces: [], missing: lines, bytes: 0 };
  for (const segment of segments.toReversed()) {
    if (isComplete(answer)) break;
    try {
      await files.use(segment, async (handle) => {
        const isSealed = segment !== end.segment;
        const size = isSealed ? (await handle.stat()).size : end.offset;
        await addFromSegment(answer, { dir: files.dir, segment, handle, size, isSealed }, matcher);
      });
    } catch (error) {
      // Retention may take an old segment away at any time.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return Buffer.concat(answer.pieces.toReversed());
}

function isComplete(answer: Answer): boolean {
  return answer.missing <= 0 || answer.bytes >= ANSWER_BYTES_MAX;
}

async function addFromSegment(answer: Answer, target: SegmentToRead, matcher: LineMatcher): Promise<void> {
  const before = { ...answer, pieces: [...answer.pieces] };
  if (await addFromBlocks(answer, target.handle, await loadBlocks(target, true), matcher)) return;
  // The index does not fit its segment: forget what it led to and read the segment itself.
  Object.assign(answer, before);
  await addFromBlocks(answer, target.handle, await loadBlocks(target, false), matcher);
}

/** False as soon as a block is not what the index says. */
async function addFromBlocks(
  answer: Answer,
  handle: FileHandle,
  blocks: readonly Block[],
  matcher: LineMatcher,
): Promise<boolean> {
  for (const block of blocks.toReversed()) {
    if (isComplete(answer)) break;
    if (!matcher.mayBeIn(block.facets)) continue;
    const lines = Buffer.allocUnsafeSlow(block.bytes);
    const { bytesRead } = await handle.read(lines, 0, block.bytes, block.offset);
    if (bytesRead < block.bytes || crc32(lines) !== block.crc) return false;
    const found = matcher.select(lines);
    const wanted = found.slice(Math.max(0, found.length - answer.missing * 2));
    if (wanted.length === 0) continue;
    const piece = copyLines(lines, wanted);
    answer.pieces.push(piece);
    answer.missing -= wanted.length / 2;
    answer.bytes += piece.length;
  }
  return true;
}
