/** Blocks of a segment as its index names them, several by one read, and whether they are what it says. */
import { adler32 } from "./adler.ts";
import type { Block } from "./block-index.ts";
import type { SegmentSource } from "./segment-source.ts";

const NEWLINE = 10;

/** Memory for what is read, used again for the next: whoever keeps lines copies them. */
export class Scratch {
  private bytes = Buffer.alloc(0);

  take(length: number): Buffer {
    if (this.bytes.length < length) this.bytes = Buffer.allocUnsafeSlow(length);
    return this.bytes.subarray(0, length);
  }
}

export function blockBytes(blocks: readonly Block[]): number {
  return blocks.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Blocks that follow each other, by one read, as far as they are there. */
export async function readRegion(source: SegmentSource, blocks: readonly Block[], scratch: Scratch): Promise<Buffer> {
  const bytes = scratch.take(blockBytes(blocks));
  return bytes.subarray(0, await source.read(bytes, bytes.length, blocks[0]?.offset ?? 0));
}

/** Undefined when the block is not what the index says. */
export function cutBlock(region: Buffer, block: Block, [first]: readonly Block[]): Buffer | undefined {
  const start = block.offset - (first?.offset ?? 0);
  const lines = region.subarray(start, start + block.bytes);
  return lines.length === block.bytes && adler32(lines) === block.sum ? lines : undefined;
}

/** Of a region that begins with a line what ends with one. */
export function wholeLines(region: Buffer): Buffer {
  return region.subarray(0, region.lastIndexOf(NEWLINE) + 1);
}

/** Of a region the blocks up to the first that is not what the index says. */
export function rightBlocks(region: Buffer, blocks: readonly Block[]): Buffer {
  let end = 0;
  for (const block of blocks) {
    if (cutBlock(region, block, blocks) === undefined) break;
    end += block.bytes;
  }
  return region.subarray(0, end);
}
