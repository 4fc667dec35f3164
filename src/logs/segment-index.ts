/** The blocks of a segment: from its index as far as that can be right, the rest from the lines themselves. */
import { open, rename, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { decodeRecords, encodeRecord } from "./block-index.ts";
import type { Block } from "./block-index.ts";
import { scanBlocks } from "./scan-blocks.ts";
import { indexName } from "./segment-files.ts";
import type { SegmentSource } from "./segment-source.ts";

export interface SegmentToRead {
  dir: string;
  segment: string;
  source: SegmentSource;
  /** Nothing from here on is looked at. */
  size: number;
  /** Whether the segment will grow no more. */
  isSealed: boolean;
  /** Whether nothing may be written beside it: else an index found wanting is made again. */
  isReadOnly: boolean;
}

export interface SegmentIndex {
  /** They cover the segment without a gap, oldest first. */
  blocks: readonly Block[];
  /** CRC-32 of the index file: what else was derived from the segment names the index that it goes with. */
  crc: number;
}

export async function loadIndex(target: SegmentToRead, useIndex: boolean): Promise<SegmentIndex> {
  const { segment, source, size, isSealed, isReadOnly } = target;
  const stored = useIndex ? await readIndex(target) : Buffer.alloc(0);
  const blocks = decodeRecords(stored, segment, size);
  const covered = blocks.reduce((sum, block) => sum + block.bytes, 0);
  if (covered === size) return { blocks, crc: crc32(stored) };
  const rest = await scanBlocks(source, covered, size);
  const last = rest.builder.close();
  const all = [...blocks, ...rest.blocks, ...(last === undefined ? [] : [last])];
  const records = Buffer.concat(all.map((block) => encodeRecord(block, segment)));
  if (isSealed && !isReadOnly) await saveIndex(target, records);
  return { blocks: all, crc: crc32(records) };
}

/** Empty when the segment was changed after its index: then somebody's hand was in it. */
async function readIndex({ dir, segment, source, isSealed }: SegmentToRead): Promise<Buffer> {
  const nothing = Buffer.alloc(0);
  const index = await open(join(dir, indexName(segment)), "r").catch(() => undefined);
  if (index === undefined) return nothing;
  try {
    const isStale = isSealed && (await index.stat()).mtimeMs < (await source.changedMs());
    return isStale ? nothing : await index.readFile();
  } catch {
    return nothing;
  } finally {
    await index.close();
  }
}

let saves = 0;

/** An index that cannot be written is made again by the next reader. */
async function saveIndex({ dir, segment, source }: SegmentToRead, records: Buffer): Promise<void> {
  saves += 1;
  const path = join(dir, indexName(segment));
  const temporary = `${path}.${String(saves)}.tmp`;
  try {
    await writeFile(temporary, records, { mode: 0o600 });
    // Also where the clock was set back since the segment was written.
    const seconds = Math.max(Date.now(), (await source.changedMs()) + 1) / 1000;
    await utimes(temporary, seconds, seconds);
    await rename(temporary, path);
  } catch {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}
