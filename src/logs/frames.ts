/** A cold segment is a file of frames, each compressed by itself, and at its end a table that says how long they are. To
 *  `zcat` and `zstdcat` the table is nothing: in gzip it is the extra field of an empty member (RFC 1952), in zstd a
 *  skippable frame, as zstd's seekable format has it. docs/formats.md, "Cold segments". */
import * as zlib from "node:zlib";
import { promisify } from "node:util";

export interface Frame {
  /** In the file. */
  at: number;
  bytes: number;
  /** In the segment. */
  rawAt: number;
  rawBytes: number;
}

export interface Codec {
  /** Behind the name of the segment. */
  readonly suffix: string;
  /** Bytes at the end of the file that say how long the table is. */
  readonly tailBytes: number;
  /** Whether this Node can read and write it. */
  readonly isAvailable: boolean;
  compress(raw: Uint8Array): Buffer;
  decompress(frame: Buffer): Promise<Buffer>;
  /** What is written behind the frames. */
  encodeTable(frames: readonly Frame[], segment: string): Buffer;
  /** From the last `tailBytes` of the file: how much of the end of the file is the table, or 0. */
  tableBytes(tail: Buffer): number;
  /** The frames, or undefined when this is no table of a file of this size. */
  decodeTable(table: Buffer, fileBytes: number, segment: string): Frame[] | undefined;
}

/** A frame ends with the first block that reaches this size. */
export const FRAME_BYTES = 256 * 1024;
/** What an extra field of gzip can hold. */
export const FRAMES_MAX = 8000;
const ENTRY_BYTES = 8;

function encodeEntries(frames: readonly Frame[]): Buffer {
  const entries = Buffer.alloc(frames.length * ENTRY_BYTES);
  for (const [number, { bytes, rawBytes }] of frames.entries()) {
    entries.writeUInt32LE(bytes, number * ENTRY_BYTES);
    entries.writeUInt32LE(rawBytes, number * ENTRY_BYTES + 4);
  }
  return entries;
}

/** Undefined when the frames do not end where they must. */
function decodeEntries(entries: Buffer, end: number): Frame[] | undefined {
  const frames: Frame[] = [];
  let [at, rawAt] = [0, 0];
  for (let entry = 0; entry < entries.length; entry += ENTRY_BYTES) {
    const [bytes, rawBytes] = [entries.readUInt32LE(entry), entries.readUInt32LE(entry + 4)];
    frames.push({ at, bytes, rawAt, rawBytes });
    at += bytes;
    rawAt += rawBytes;
  }
  return at === end ? frames : undefined;
}

const GZIP_LEVEL = 6;
/** ID, method, FEXTRA, no time, no flags, any system; then the length of the extra field. */
const GZIP_HEAD = Buffer.from([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff]);
/** An empty deflate stream, the CRC and the length of nothing. */
const GZIP_EMPTY = Buffer.from([3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
const GZIP_TAIL_BYTES = 8 + GZIP_EMPTY.length;
const gunzip = promisify(zlib.gunzip);

export const GZIP: Codec = {
  suffix: ".gz",
  tailBytes: GZIP_TAIL_BYTES,
  isAvailable: true,
  compress: (raw) => zlib.gzipSync(raw, { level: GZIP_LEVEL }),
  decompress: (frame) => gunzip(frame),
  encodeTable(frames, segment) {
    const entries = encodeEntries(frames);
    const field = Buffer.alloc(4);
    field.write("GH", 0, "latin1");
    field.writeUInt16LE(entries.length + 8, 2);
    const length = Buffer.alloc(2);
    length.writeUInt16LE(field.length + entries.length + 8);
    const end = Buffer.alloc(8);
    end.writeUInt32LE(frames.length, 0);
    end.writeUInt32LE(zlib.crc32(entries, zlib.crc32(segment)), 4);
    return Buffer.concat([GZIP_HEAD, length, field, entries, end, GZIP_EMPTY]);
  },
  tableBytes(tail) {
    if (!tail.subarray(8).equals(GZIP_EMPTY)) return 0;
    return GZIP_HEAD.length + 6 + tail.readUInt32LE(0) * ENTRY_BYTES + GZIP_TAIL_BYTES;
  },
  decodeTable(table, fileBytes, segment) {
    const entries = table.subarray(GZIP_HEAD.length + 6, table.length - GZIP_TAIL_BYTES);
    const crc = table.readUInt32LE(table.length - GZIP_TAIL_BYTES + 4);
    if (!table.subarray(0, GZIP_HEAD.length).equals(GZIP_HEAD)) return undefined;
    if (zlib.crc32(entries, zlib.crc32(segment)) !== crc) return undefined;
    return decodeEntries(entries, fileBytes - table.length);
  },
};

/** Of Node ≥ 22.15; not in the types of the oldest Node that is supported. */
interface Zstd {
  zstdCompressSync?: (raw: Uint8Array, options: { params: Record<number, number> }) => Buffer;
  zstdDecompress?: (frame: Buffer, done: (error: Error | null, raw: Buffer) => void) => void;
}
const { zstdCompressSync, zstdDecompress }: Zstd = zlib as Zstd;
const ZSTD_COMPRESSION_LEVEL = 100;
const ZSTD_CHECKSUM = 201;
const ZSTD_LEVEL = 3;
const SKIPPABLE = 0x184d2a5e;
const SEEKABLE = 0x8f92eab1;
const ZSTD_TAIL_BYTES = 9;

function unavailable(): never {
  throw new Error("This Node has no zstd.");
}

export const ZSTD: Codec = {
  suffix: ".zst",
  tailBytes: ZSTD_TAIL_BYTES,
  isAvailable: zstdCompressSync !== undefined && zstdDecompress !== undefined,
  compress: (raw) =>
    zstdCompressSync?.(raw, { params: { [ZSTD_COMPRESSION_LEVEL]: ZSTD_LEVEL, [ZSTD_CHECKSUM]: 1 } }) ?? unavailable(),
  decompress: (frame) =>
    new Promise((resolve, reject) => {
      if (zstdDecompress === undefined) unavailable();
      zstdDecompress(frame, (error, raw) => (error === null ? resolve(raw) : reject(error)));
    }),
  encodeTable(frames) {
    const entries = encodeEntries(frames);
    const head = Buffer.alloc(8);
    head.writeUInt32LE(SKIPPABLE, 0);
    head.writeUInt32LE(entries.length + ZSTD_TAIL_BYTES, 4);
    const end = Buffer.alloc(ZSTD_TAIL_BYTES);
    end.writeUInt32LE(frames.length, 0);
    end.writeUInt32LE(SEEKABLE, 5);
    return Buffer.concat([head, entries, end]);
  },
  tableBytes(tail) {
    return tail.readUInt32LE(5) === SEEKABLE ? 8 + tail.readUInt32LE(0) * ENTRY_BYTES + ZSTD_TAIL_BYTES : 0;
  },
  decodeTable(table, fileBytes) {
    if (table.readUInt32LE(0) !== SKIPPABLE) return undefined;
    return decodeEntries(table.subarray(8, table.length - ZSTD_TAIL_BYTES), fileBytes - table.length);
  },
};

/** What a cold segment may be, the one that is written where it is available first. */
export const CODECS: readonly Codec[] = [ZSTD, GZIP];

export function usualCodec(): Codec {
  return CODECS.find((codec) => codec.isAvailable) ?? GZIP;
}
