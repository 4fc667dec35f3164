/** The blocks of a segment: from its index as far as that can be right, the rest from the lines themselves. */
import { statSync } from "node:fs";
import { readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { threadId } from "node:worker_threads";
import { RecentMap } from "../core/recent-map.ts";
import { BlockTable } from "./block-index.ts";
import { ifThere } from "./if-there.ts";
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

interface Known {
  blocks: BlockTable;
  size: number;
  /** When the index and the segment were changed last. */
  indexMs: number;
  changedMs: number;
}

/** Of sealed segments, by path: some 64 KB each. */
const KNOWN_MAX = 64;
const known = new RecentMap<string, Known>(KNOWN_MAX);
const NOTHING = Buffer.alloc(0);

/** They cover the segment without a gap, oldest first. */
export async function loadIndex(target: SegmentToRead, useIndex: boolean): Promise<BlockTable> {
  const { segment, source, size, isSealed, isReadOnly } = target;
  const blocks = useIndex ? await readIndex(target) : BlockTable.decode(NOTHING, segment, size);
  if (blocks.covered === size) return blocks;
  const rest = await scanBlocks(source, blocks.covered, size);
  const last = rest.builder.close();
  const all = blocks.extended(last === undefined ? rest.blocks : [...rest.blocks, last], segment);
  if (isSealed && !isReadOnly) await saveIndex(target, all.records);
  return all;
}

/** The index as it lies there, right or wrong; undefined where there is none of the whole segment. */
export async function uncheckedIndex({ dir, segment, size, isSealed }: SegmentToRead): Promise<BlockTable | undefined> {
  const index = await ifThere(readFile(join(dir, indexName(segment))));
  const blocks = index && BlockTable.unchecked(index);
  return isSealed && blocks?.covered !== size ? undefined : blocks;
}

/** What the index tells. Nothing when the segment was changed after its index: then somebody's hand was in it. */
async function readIndex({ dir, segment, source, size, isSealed }: SegmentToRead): Promise<BlockTable> {
  const path = join(dir, indexName(segment));
  const decode = (stored: Buffer): BlockTable => BlockTable.decode(stored, segment, size);
  try {
    if (!isSealed) return decode(await readFile(path));
    const { mtimeMs: indexMs } = statSync(path);
    const changedMs = await source.changedMs();
    if (indexMs < changedMs) return decode(NOTHING);
    const before = known.get(path);
    if (before?.size === size && before.indexMs === indexMs && before.changedMs === changedMs) return before.blocks;
    const blocks = decode(await readFile(path));
    if (blocks.covered === size) known.set(path, { blocks, size, indexMs, changedMs });
    return blocks;
  } catch {
    return decode(NOTHING);
  }
}

/** The index of a finished segment, if it was read before and neither has changed since: nothing needs to be opened for that. Not
 *  of one that is compressed. */
export function rememberedIndex(dir: string, segment: string): BlockTable | undefined {
  const path = join(dir, indexName(segment));
  const before = known.get(path);
  const index = before && statSync(path, { throwIfNoEntry: false });
  const plain = index && statSync(join(dir, segment), { throwIfNoEntry: false });
  if (before === undefined || index?.mtimeMs !== before.indexMs) return undefined;
  return plain?.size === before.size && plain.mtimeMs === before.changedMs ? before.blocks : undefined;
}

let saves = 0;

/** An index that cannot be written is made again by the next reader. */
async function saveIndex({ dir, segment, source }: SegmentToRead, records: Buffer): Promise<void> {
  saves += 1;
  const path = join(dir, indexName(segment));
  const temporary = `${path}.${String(threadId)}.${String(saves)}.tmp`;
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
