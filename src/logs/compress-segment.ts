/** Compresses a sealed segment into a file beside it, a frame at a time; runs in the background thread. Whoever asked
 *  gives the file its name. */
import { closeSync, fstatSync, fsyncSync, futimesSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { decodeRecords } from "./block-index.ts";
import { FRAME_BYTES, FRAMES_MAX, usualCodec } from "./frames.ts";
import type { Codec, Frame } from "./frames.ts";
import { indexName } from "./segment-files.ts";

/** Leaves `to`, whole and on the disk, with the time of the segment. */
export function compressSegment(dir: string, segment: string, to: string): void {
  const source = openSync(join(dir, segment), "r");
  const target = openSync(join(dir, to), "w", 0o600);
  try {
    const { size, atime, mtime } = fstatSync(source);
    const codec = usualCodec();
    const frames = writeFrames({ source, target, codec }, frameEnds(dir, segment, size));
    writeAll(target, codec.encodeTable(frames, segment));
    // The index of a segment is not older than the segment.
    futimesSync(target, atime, mtime);
    fsyncSync(target);
  } finally {
    closeSync(source);
    closeSync(target);
  }
}

/** Frames end where blocks end, so that no block is in two; what the index does not tell is cut anywhere. */
function frameEnds(dir: string, segment: string, size: number): number[] {
  const bytesMin = Math.max(FRAME_BYTES, Math.ceil(size / FRAMES_MAX));
  const ends: number[] = [];
  let begin = 0;
  const add = (end: number): void => {
    if (end - begin < bytesMin) return;
    ends.push(end);
    begin = end;
  };
  for (const block of decodeRecords(readIndexFile(join(dir, indexName(segment))), segment, size))
    add(block.offset + block.bytes);
  for (let end = begin + bytesMin; end + bytesMin <= size; end += bytesMin) add(end);
  if (begin < size) ends.push(size);
  return ends;
}

function readIndexFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}

interface Files {
  source: number;
  target: number;
  codec: Codec;
}

function writeFrames({ source, target, codec }: Files, ends: readonly number[]): Frame[] {
  const frames: Frame[] = [];
  let [at, rawAt] = [0, 0];
  for (const end of ends) {
    const raw = Buffer.allocUnsafe(end - rawAt);
    if (readSync(source, raw, 0, raw.length, rawAt) < raw.length) throw new Error("The segment became shorter.");
    const bytes = codec.compress(raw);
    writeAll(target, bytes);
    frames.push({ at, bytes: bytes.length, rawAt, rawBytes: raw.length });
    at += bytes.length;
    rawAt = end;
  }
  return frames;
}

export function writeAll(target: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(target, bytes, done);
}
