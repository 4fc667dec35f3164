/** Makes a stream whole after whatever ended the last writer: cuts a torn last line, completes the index of the newest
 *  segment, and works out from the planned batch and the length of the segment how far each spool is stored. */
import { constants, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { readFile } from "node:fs/promises";
import { BlockBuilder, BlockTable, encodeRecord } from "./block-index.ts";
import { countNewlines } from "./count-newlines.ts";
import type { Cursor, CursorState, PlannedRun } from "./cursor-file.ts";
import { ifThere } from "./if-there.ts";
import { PartScanner } from "./raw-parts.ts";
import { scanBlocks, stampAt } from "./scan-blocks.ts";
import {
  DERIVED,
  indexName,
  listSegments,
  removeSegment,
  segmentFilesOf,
  segmentOf,
  segmentUs,
} from "./segment-files.ts";
import { openCompressed, openSource, PlainSource } from "./segment-source.ts";
import type { SegmentSource } from "./segment-source.ts";
import type { WriterStart } from "./segment-writer.ts";

const NEWLINE = 10;
const READ_BYTES = 256 * 1024;

export interface Recovered extends WriterStart {
  /** The newest stamp in the stream. */
  lastUs: number;
}

export async function recoverSegments(dir: string): Promise<Recovered> {
  await removeRemains(dir);
  const segments = await listSegments(dir);
  for (;;) {
    const newest = segments.at(-1);
    if (newest === undefined) {
      return { segments, size: 0, indexSize: 0, builder: new BlockBuilder(0), isSealed: true, lastUs: 0 };
    }
    const recovered = await recoverNewest(dir, newest);
    if (recovered !== undefined) return { segments, ...recovered };
    // Made, but nothing was written before the end.
    await removeSegment(dir, newest);
    segments.pop();
  }
}

/** Undefined when it has no whole line. */
async function recoverNewest(dir: string, segment: string): Promise<Omit<Recovered, "segments"> | undefined> {
  const handle = await ifThere(open(join(dir, segment), constants.O_RDWR));
  const source = handle === undefined ? await openSource(dir, segment) : new PlainSource(handle);
  try {
    const size = await lineEndBefore(source, await source.size());
    if (size === 0) return undefined;
    const lastUs = (await lastStamp(source, size)) ?? segmentUs(segment) ?? 0;
    // A compressed one is finished: the next line begins a new one.
    if (handle === undefined) return { size, indexSize: 0, builder: new BlockBuilder(size), isSealed: true, lastUs };
    if (size < (await source.size())) await handle.truncate(size);
    return { size, ...(await recoverIndex({ dir, segment, source, size })), isSealed: false, lastUs };
  } finally {
    await source.close();
  }
}

/** What a killed writer, reader, compressor or retention left: files that are not finished, the plain form of a segment
 *  whose compressed form is there, and what was derived from a segment that is not. */
async function removeRemains(dir: string): Promise<void> {
  const names = new Set(await readdir(dir));
  for (const name of names) {
    const segment = segmentOf(name);
    const isRest = segment !== undefined && segment !== name && names.has(segment);
    if (isRest) await keepOneForm(dir, segment, name);
    else if (name.endsWith(".tmp") || isAlone(name, names)) await rm(join(dir, name), { force: true });
  }
}

function isAlone(name: string, names: ReadonlySet<string>): boolean {
  const extension = DERIVED.find((end) => name.endsWith(end));
  if (extension === undefined) return false;
  const segment = `${name.slice(0, -extension.length)}.ndjson`;
  return segmentUs(segment) !== undefined && !segmentFilesOf(segment).some((file) => names.has(file));
}

/** Was killed between the two steps: what is compressed is whole, or it would not have its name. */
async function keepOneForm(dir: string, segment: string, compressed: string): Promise<void> {
  const source = await openCompressed(dir, compressed, segment);
  const { size } = await stat(join(dir, segment));
  const isWhole = (await source.size()) === size;
  await source.close();
  await rm(join(dir, isWhole ? segment : compressed), { force: true });
}

/** The offset behind the last newline in [0, before). */
export async function lineEndBefore(source: SegmentSource, before: number): Promise<number> {
  const buffer = Buffer.alloc(Math.min(READ_BYTES, before));
  for (let stop = before; stop > 0;) {
    const start = Math.max(0, stop - buffer.length);
    const bytesRead = await source.read(buffer, stop - start, start);
    const found = bytesRead === 0 ? -1 : buffer.lastIndexOf(NEWLINE, bytesRead - 1);
    if (found !== -1) return start + found + 1;
    stop = start;
  }
  return 0;
}

async function lastStamp(source: SegmentSource, size: number): Promise<number | undefined> {
  const start = await lineEndBefore(source, size - 1);
  const head = Buffer.alloc(64);
  const bytesRead = await source.read(head, head.length, start);
  return stampAt(head.subarray(0, bytesRead), 0);
}

interface Newest {
  dir: string;
  segment: string;
  source: SegmentSource;
  size: number;
}

async function recoverIndex(newest: Newest): Promise<{ indexSize: number; builder: BlockBuilder }> {
  const { dir, segment, source, size } = newest;
  const path = join(dir, indexName(segment));
  const old = await readFile(path).catch(() => Buffer.alloc(0));
  const { covered, records } = BlockTable.decode(old, segment, size);
  const rest = await scanBlocks(source, covered, size);
  const kept = records.length;
  const added = Buffer.concat(rest.blocks.map((block) => encodeRecord(block, segment)));
  if (added.length > 0 || old.length > kept) await replaceTail(path, kept, added);
  return { indexSize: kept + added.length, builder: rest.builder };
}

/** An index that cannot be repaired now only makes readers scan. */
async function replaceTail(path: string, kept: number, added: Buffer): Promise<void> {
  try {
    const index = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    await index.truncate(kept);
    await index.write(added, 0, added.length, kept);
    await index.close();
  } catch {
    return;
  }
}

/** The cursors as the stored lines prove them. The torn line is cut by now. */
export async function recoverCursors(dir: string, state: CursorState | undefined): Promise<Map<string, Cursor>> {
  if (state === undefined) return new Map();
  let stored = (await sizeOf(dir, state.segment)) - state.offset;
  let at = state.offset;
  for (const run of state.runs) {
    if (stored <= 0) break;
    const cursor = state.spools[run.spool];
    if (cursor !== undefined && isWhole(run, stored)) Object.assign(cursor, { offset: run.to, isLater: run.isLater });
    else if (cursor !== undefined && run.isLoss !== true)
      await skipParts(cursor, await countLines(dir, state.segment, [at, at + Math.min(stored, run.bytes)]));
    stored -= run.bytes;
    at += run.bytes;
  }
  const cursors = new Map<string, Cursor>();
  for (const cursor of state.spools) if (await exists(cursor.path)) cursors.set(cursor.id, cursor);
  return cursors;
}

/** Where a plan stands for many batches the lines are counted, as long as they are there. */
function isWhole({ bytes, isStanding = false }: PlannedRun, stored: number): boolean {
  return isStanding ? stored === Number.POSITIVE_INFINITY : stored >= bytes;
}

/** Infinite for one that retention took: lines were written behind it, so it was stored whole. */
async function sizeOf(dir: string, segment: string): Promise<number> {
  const segments = await listSegments(dir);
  if (!segments.includes(segment)) return segments.some((other) => other > segment) ? Number.POSITIVE_INFINITY : 0;
  const source = await openSource(dir, segment);
  try {
    return await source.size();
  } finally {
    await source.close();
  }
}

export async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function countLines(dir: string, segment: string, [from, to]: [number, number]): Promise<number> {
  const source = await openSource(dir, segment);
  try {
    const buffer = Buffer.alloc(to - from);
    return countNewlines(buffer, await source.read(buffer, buffer.length, from));
  } finally {
    await source.close();
  }
}

/** Moves the cursor over as many parts as records of it were stored. */
async function skipParts(cursor: Cursor, parts: number): Promise<void> {
  const handle = await open(cursor.path, "r").catch(() => undefined);
  if (handle === undefined) return;
  const buffer = Buffer.alloc(READ_BYTES);
  let left = parts;
  while (left > 0) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, cursor.offset);
    const scanner = new PartScanner(buffer.subarray(0, bytesRead), cursor.isLater, false);
    while (left > 0 && scanner.advance()) left -= 1;
    if (scanner.next === 0) break;
    cursor.offset += scanner.next;
    cursor.isLater = scanner.nextIsLater;
  }
  await handle.close();
}
