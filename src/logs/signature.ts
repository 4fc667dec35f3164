/** The signature of a segment (`TIME.grm`): which blocks have which four bytes in a row in their messages, by a hash of
 *  15 bits. A row for each hash, in it a bit for each block; a bit that is not set proves absence. So a text is looked for
 *  in the few blocks that have all its fours. It covers the first blocks, all of them once the segment is finished; those
 *  behind are looked through. docs/formats.md, "Signature". */
import { rm } from "node:fs/promises";
import type { BlockTable } from "./block-index.ts";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { HeadReader } from "./head-reader.ts";
import { withFile, type ReadOnlyFile } from "./quick-io.ts";
import { signatureName } from "./segment-files.ts";
import type { SegmentToRead } from "./segment-index.ts";

const MAGIC = 0x31676872; // "rhg1", little-endian
const ROWS = 32768;
const HEADER_BYTES = 20;
/** Each page of rows has a CRC of its own, so that a query checks what it reads and nothing more. */
const PAGE_BYTES = 4096;
const GRAM_BYTES = 4;
const GRAMS_MAX = 16;
const NEWLINE = 10;

/** A–Z count as a–z. */
const FOLDED = new Uint8Array(256);
for (let byte = 0; byte < 256; byte += 1) FOLDED[byte] = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;

function rowOf(gram: number): number {
  return Math.imul(gram, 0x9e3779b1) >>> 17;
}

/** Of a row that was not read yet, how many of the blocks may have it. */
const SHARE_UNKNOWN = 0.5;

/** The rows that a block has which has a text, some of them; none for what is shorter than four bytes. Segments of one log are alike: rows
 *  of which few blocks had a bit are read first in the next one, for most often nothing is left after them. */
export class SoughtRows {
  private readonly rows: readonly number[];
  private readonly shares = new Map<number, number>();

  constructor(needle: Buffer) {
    this.rows = rowsOf(needle);
  }

  get isEmpty(): boolean {
    return this.rows.length === 0;
  }

  inOrder(): number[] {
    const share = (row: number): number => this.shares.get(row) ?? SHARE_UNKNOWN;
    return this.rows.toSorted((a, b) => share(a) - share(b));
  }

  /** Remembers of a row how many blocks had a bit in it. */
  saw(row: number, bits: Buffer): void {
    let set = 0;
    for (const byte of bits) for (let left = byte; left !== 0; left &= left - 1) set += 1;
    this.shares.set(row, set / (bits.length * 8));
  }
}

function rowsOf(needle: Buffer): number[] {
  const count = needle.length - GRAM_BYTES + 1;
  const wanted = Math.min(count, GRAMS_MAX);
  const rows = new Set<number>();
  for (let number = 0; number < wanted; number += 1) {
    const at = wanted === 1 ? 0 : Math.round((number * (count - 1)) / (wanted - 1));
    let gram = 0;
    for (let index = at; index < at + GRAM_BYTES; index += 1)
      gram = (gram << 8) | (FOLDED[needle[index] as number] as number);
    rows.add(rowOf(gram));
  }
  return [...rows];
}

function strideOf(blocks: number): number {
  return (blocks + 7) >> 3;
}

/** Gathers the rows of a segment, block by block. */
export class SignatureBuilder {
  /** Those that are in it. */
  blocks = 0;
  private readonly stride: number;
  private readonly rows: Uint8Array;
  /** For each row the last block, counted from 1, that set a bit in it. */
  private readonly last = new Uint32Array(ROWS);
  private readonly head = new HeadReader();

  /** For so many blocks in all, of which some may be in an older signature. */
  constructor(blocks: number, older?: { blocks: number; rows: Buffer }) {
    this.stride = strideOf(blocks);
    this.rows = new Uint8Array(ROWS * this.stride);
    if (older === undefined || older.blocks > blocks) return;
    this.blocks = older.blocks;
    const stride = strideOf(older.blocks);
    for (let row = 0; row < ROWS; row += 1)
      for (let at = 0; at < stride; at += 1)
        this.rows[row * this.stride + at] = older.rows[row * stride + at] as number;
  }

  /** The whole lines of the next block. A line of another form counts with all its bytes. */
  add(lines: Buffer): void {
    const { head } = this;
    for (let start = 0; start < lines.length;) {
      const end = lines.indexOf(NEWLINE, start) + 1 || lines.length;
      if (head.read(lines, start, end)) this.addBytes(lines, head.messageAt, head.messageEnd);
      else this.addBytes(lines, start, end);
      start = end;
    }
    this.blocks += 1;
  }

  private addBytes(bytes: Buffer, from: number, to: number): void {
    const { last, rows, stride } = this;
    const number = this.blocks + 1;
    const column = this.blocks >> 3;
    const bit = 1 << (this.blocks & 7);
    let gram = 0;
    const first = Math.min(to, from + GRAM_BYTES - 1);
    for (let at = from; at < first; at += 1) gram = (gram << 8) | (FOLDED[bytes[at] as number] as number);
    for (let at = first; at < to; at += 1) {
      gram = (gram << 8) | (FOLDED[bytes[at] as number] as number);
      const row = Math.imul(gram, 0x9e3779b1) >>> 17;
      if (last[row] === number) continue;
      last[row] = number;
      const place = row * stride + column;
      rows[place] = (rows[place] as number) | bit;
    }
  }

  /** The file. */
  encode(segment: string, table: BlockTable): Buffer {
    const { rows } = this;
    const pages = rows.length / PAGE_BYTES;
    const head = Buffer.alloc(HEADER_BYTES + pages * 4);
    head.writeUInt32LE(MAGIC, 0);
    head.writeUInt32LE(this.blocks, 8);
    head.writeUInt32LE(table.fingerprint(this.blocks), 12);
    for (let page = 0; page < pages; page += 1) {
      const bytes = rows.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
      head.writeUInt32LE(crc32(bytes), HEADER_BYTES + page * 4);
    }
    head.writeUInt32LE(crc32(head.subarray(8), crc32(segment)), 4);
    return Buffer.concat([head, rows]);
  }
}

/** Blocks that may have a text: those of the first `known` whose bit is set, and all behind. */
export interface Candidates {
  bits: Uint8Array;
  known: number;
}

/** Whether a block is among the candidates, where they are known. */
export function isCandidate(candidates: Candidates | undefined, number: number): boolean {
  if (candidates === undefined || number >= candidates.known) return true;
  return (((candidates.bits[number >> 3] as number) >> (number & 7)) & 1) === 1;
}

/** Of the first `blocks` how many are candidates. */
export function candidateCount(candidates: Candidates, blocks: number): number {
  let count = 0;
  for (let number = 0; number < blocks; number += 1) if (isCandidate(candidates, number)) count += 1;
  return count;
}

export type SignedSegment = Pick<SegmentToRead, "dir" | "segment" | "isReadOnly">;

/** Undefined when the segment has no signature that can be trusted. */
export async function readCandidates(
  { dir, segment, isReadOnly }: SignedSegment,
  blocks: BlockTable,
  rows: SoughtRows,
): Promise<Candidates | undefined> {
  return withSignature(dir, segment, blocks, async (reader) => {
    let common: Buffer | undefined;
    for (const row of rows.inOrder()) {
      const bits = await reader.row(row);
      if (bits === undefined) {
        // The next daemon makes it again.
        if (!isReadOnly) await rm(join(dir, signatureName(segment)), { force: true });
        return undefined;
      }
      rows.saw(row, bits);
      if (common === undefined) common = Buffer.from(bits);
      else for (let at = 0; at < bits.length; at += 1) common[at] = (common[at] as number) & (bits[at] as number);
      if (common.every((byte) => byte === 0)) break;
    }
    return common && { bits: common, known: reader.blocks };
  });
}

/** How many of the blocks the signature covers; 0 when there is none that can be trusted. */
export async function signedBlocks(dir: string, segment: string, blocks: BlockTable): Promise<number> {
  return (await withSignature(dir, segment, blocks, async (reader) => reader.blocks)) ?? 0;
}

/** All rows, for a signature that is to cover more blocks. */
export async function readSignature(
  dir: string,
  segment: string,
  blocks: BlockTable,
): Promise<{ blocks: number; rows: Buffer } | undefined> {
  return withSignature(dir, segment, blocks, async (reader) => {
    const rows = await reader.read(0, ROWS * strideOf(reader.blocks));
    return rows && { blocks: reader.blocks, rows };
  });
}

async function withSignature<T>(
  dir: string,
  segment: string,
  blocks: BlockTable,
  work: (reader: SignatureReader) => Promise<T | undefined>,
): Promise<T | undefined> {
  return withFile(join(dir, signatureName(segment)), async (file) => {
    try {
      const reader = await SignatureReader.open(file, segment, blocks);
      return reader && (await work(reader));
    } catch {
      return undefined;
    }
  });
}

class SignatureReader {
  readonly blocks: number;
  private readonly file: ReadOnlyFile;
  /** The CRCs of the pages. */
  private readonly crcs: Buffer;

  private constructor(file: ReadOnlyFile, blocks: number, crcs: Buffer) {
    this.file = file;
    this.blocks = blocks;
    this.crcs = crcs;
  }

  /** Undefined when the file is none of these blocks. */
  static async open(file: ReadOnlyFile, segment: string, blocks: BlockTable): Promise<SignatureReader | undefined> {
    // Of usual segments that is all but the rows, by one read.
    const front = Buffer.allocUnsafe(PAGE_BYTES);
    const bytesRead = await file.read(front, 0);
    if (bytesRead < HEADER_BYTES) return undefined;
    const start = front.subarray(0, HEADER_BYTES);
    const covered = start.readUInt32LE(8);
    if (start.readUInt32LE(0) !== MAGIC || covered === 0 || covered > blocks.length) return undefined;
    if (start.readUInt32LE(12) !== blocks.fingerprint(covered)) return undefined;
    const rowBytes = ROWS * strideOf(covered);
    const crcBytes = (rowBytes / PAGE_BYTES) * 4;
    if ((await file.size()) !== HEADER_BYTES + crcBytes + rowBytes) return undefined;
    const crcs = await readBehind(front.subarray(HEADER_BYTES, bytesRead), crcBytes, file);
    const crc = crc32(crcs, crc32(start.subarray(8), crc32(segment)));
    return crc === start.readUInt32LE(4) ? new SignatureReader(file, covered, crcs) : undefined;
  }

  row(number: number): Promise<Buffer | undefined> {
    const stride = strideOf(this.blocks);
    return this.read(number * stride, stride);
  }

  /** Bytes of the rows; undefined when a page is not what the header says. */
  async read(from: number, length: number): Promise<Buffer | undefined> {
    const first = Math.floor(from / PAGE_BYTES);
    const end = Math.ceil((from + length) / PAGE_BYTES);
    const pages = Buffer.allocUnsafe((end - first) * PAGE_BYTES);
    const place = HEADER_BYTES + this.crcs.length + first * PAGE_BYTES;
    if ((await this.file.read(pages, place)) < pages.length) return undefined;
    for (let page = first; page < end; page += 1) {
      const bytes = pages.subarray((page - first) * PAGE_BYTES, (page - first + 1) * PAGE_BYTES);
      if (crc32(bytes) !== this.crcs.readUInt32LE(page * 4)) return undefined;
    }
    const start = from - first * PAGE_BYTES;
    return pages.subarray(start, start + length);
  }
}

/** So many bytes behind the header, of which the first were read with it. What is missing is another's, as a CRC will tell. */
async function readBehind(known: Buffer, length: number, file: ReadOnlyFile): Promise<Buffer> {
  if (known.length >= length) return known.subarray(0, length);
  const bytes = Buffer.alloc(length);
  await file.read(bytes, HEADER_BYTES);
  return bytes;
}
