/** Makes a stream whole after whatever ended the last writer: cuts a torn last line, completes the index of the newest
 *  segment, and works out from the planned batch and the length of the segment how far each spool is stored. */
import { constants, open, readdir, rm, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { readFile } from "node:fs/promises";
import { BlockBuilder, RECORD_BYTES, decodeRecords, encodeRecord } from "./block-index.ts";
import type { Cursor, CursorState } from "./cursor-file.ts";
import { PartScanner } from "./raw-parts.ts";
import { scanBlocks, stampAt } from "./scan-blocks.ts";
import { indexName, listSegments, segmentUs } from "./segment-files.ts";
import type { WriterStart } from "./segment-writer.ts";

const NEWLINE = 10;
const READ_BYTES = 256 * 1024;

export interface Recovered extends WriterStart {
  /** The newest stamp in the stream. */
  lastUs: number;
}

export async function recoverSegments(dir: string): Promise<Recovered> {
  const segments = await listSegments(dir);
  await removeRemains(dir, segments);
  for (;;) {
    const newest = segments.at(-1);
    if (newest === undefined) return { segments, size: 0, indexSize: 0, builder: new BlockBuilder(0), lastUs: 0 };
    const handle = await open(join(dir, newest), constants.O_RDWR);
    try {
      const size = await cutTornLine(handle);
      if (size > 0) {
        const index = await recoverIndex({ dir, segment: newest, handle, size });
        const lastUs = (await lastStamp(handle, size)) ?? segmentUs(newest) ?? 0;
        return { segments, size, ...index, lastUs };
      }
    } finally {
      await handle.close();
    }
    // Made, but nothing was written before the end.
    await rm(join(dir, indexName(newest)), { force: true });
    await rm(join(dir, newest), { force: true });
    segments.pop();
  }
}

/** What a killed writer, reader or retention left: files that are not finished, and an index without its segment. */
async function removeRemains(dir: string, segments: readonly string[]): Promise<void> {
  const indexes = new Set(segments.map((segment) => indexName(segment)));
  for (const name of await readdir(dir)) {
    const isAlone = name.endsWith(".idx") && !indexes.has(name);
    if (isAlone || name.endsWith(".tmp")) await rm(join(dir, name), { force: true });
  }
}

/** The size after everything behind the last newline is gone. */
async function cutTornLine(handle: FileHandle): Promise<number> {
  const { size } = await handle.stat();
  const end = await lineEndBefore(handle, size);
  if (end < size) await handle.truncate(end);
  return end;
}

/** The offset behind the last newline in [0, before). */
export async function lineEndBefore(handle: FileHandle, before: number): Promise<number> {
  const buffer = Buffer.alloc(Math.min(READ_BYTES, before));
  for (let stop = before; stop > 0;) {
    const start = Math.max(0, stop - buffer.length);
    const { bytesRead } = await handle.read(buffer, 0, stop - start, start);
    const found = bytesRead === 0 ? -1 : buffer.lastIndexOf(NEWLINE, bytesRead - 1);
    if (found !== -1) return start + found + 1;
    stop = start;
  }
  return 0;
}

async function lastStamp(handle: FileHandle, size: number): Promise<number | undefined> {
  const start = await lineEndBefore(handle, size - 1);
  const head = Buffer.alloc(64);
  const { bytesRead } = await handle.read(head, 0, head.length, start);
  return stampAt(head.subarray(0, bytesRead), 0);
}

interface Newest {
  dir: string;
  segment: string;
  handle: FileHandle;
  size: number;
}

async function recoverIndex(newest: Newest): Promise<{ indexSize: number; builder: BlockBuilder }> {
  const { dir, segment, handle, size } = newest;
  const path = join(dir, indexName(segment));
  const old = await readFile(path).catch(() => Buffer.alloc(0));
  const blocks = decodeRecords(old, segment, size);
  const covered = blocks.reduce((sum, block) => sum + block.bytes, 0);
  const rest = await scanBlocks(handle, covered, size);
  const kept = blocks.length * RECORD_BYTES;
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
  const cursors = new Map<string, Cursor>();
  if (state === undefined) return cursors;
  for (const cursor of state.spools) cursors.set(cursor.id, cursor);
  let stored = (await sizeOf(join(dir, state.segment))) - state.offset;
  let at = state.offset;
  for (const run of state.runs) {
    if (stored <= 0) break;
    const cursor = state.spools[run.spool];
    if (cursor !== undefined && stored >= run.bytes) {
      cursor.offset = run.to;
      cursor.isLater = run.isLater;
    } else if (cursor !== undefined) {
      const lines = await countLines(join(dir, state.segment), at, at + stored);
      await skipParts(cursor, lines);
    }
    stored -= run.bytes;
    at += run.bytes;
  }
  for (const cursor of state.spools) if (!(await exists(cursor.path))) cursors.delete(cursor.id);
  return cursors;
}

async function sizeOf(path: string): Promise<number> {
  const facts = await stat(path).catch(() => undefined);
  return facts?.isFile() === true ? facts.size : 0;
}

export async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function countLines(path: string, from: number, to: number): Promise<number> {
  const handle = await open(path, "r");
  try {
    const buffer = Buffer.alloc(to - from);
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, from);
    let lines = 0;
    for (let at = buffer.indexOf(NEWLINE); at !== -1 && at < bytesRead; at = buffer.indexOf(NEWLINE, at + 1))
      lines += 1;
    return lines;
  } finally {
    await handle.close();
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
