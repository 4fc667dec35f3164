/** The sparse time index beside a segment (`.idx`): a 64-byte record, little-endian, for each closed block of at least
 *  64 KiB of whole lines. It is a hint that can be rebuilt: a record counts only when its own checksum, which covers the
 *  segment's name too, and its place behind the record before it are right, and a block that is read is checked again.
 *  0 u32 offset · 4 u32 bytes · 8 u32 lines · 12 u32 adler32 of the block · 16 f64 first µs · 24 f64 last µs ·
 *  32 u32×7 facets · 60 u32 crc32 of the record. */
import { crc32 } from "node:zlib";
import { ADLER_START, joinAdler32 } from "./adler.ts";
import { FACET_WORDS, mergeFacets } from "./facets.ts";
import { BLOCK_BYTES } from "./line-encoder.ts";

export const RECORD_BYTES = 64;
const FIRST_US_AT = 16;
const LAST_US_AT = 24;
const FACETS_AT = 32;

export interface Block {
  offset: number;
  bytes: number;
  lines: number;
  /** Adler-32 of its bytes. */
  sum: number;
  firstUs: number;
  lastUs: number;
  facets: Uint32Array;
}

/** Whole lines that are added to a block. */
export interface Piece {
  bytes: number;
  lines: number;
  /** Adler-32 of its bytes. */
  sum: number;
  firstUs: number;
  lastUs: number;
  facets: Uint32Array;
}

export function encodeRecord(block: Block, segment: string): Buffer {
  const record = Buffer.alloc(RECORD_BYTES);
  record.writeUInt32LE(block.offset, 0);
  record.writeUInt32LE(block.bytes, 4);
  record.writeUInt32LE(block.lines, 8);
  record.writeUInt32LE(block.sum, 12);
  record.writeDoubleLE(block.firstUs, FIRST_US_AT);
  record.writeDoubleLE(block.lastUs, LAST_US_AT);
  for (let word = 0; word < FACET_WORDS; word += 1)
    record.writeUInt32LE(block.facets[word] as number, FACETS_AT + word * 4);
  record.writeUInt32LE(crc32(record.subarray(0, 60), seedOf(segment)), 60);
  return record;
}

/** Records of the first form, with a CRC of the block, were begun with the name alone: what they are is not known here. */
function seedOf(segment: string): number {
  return crc32(`${segment} 2`);
}

/** The records of a segment as they are stored; a block is made of one only when it is asked for. */
export class BlockTable {
  readonly records: Buffer;
  readonly length: number;
  /** Bytes of the segment that the blocks cover, from its start. */
  readonly covered: number;

  private constructor(records: Buffer, covered: number) {
    this.records = records;
    this.length = records.length / RECORD_BYTES;
    this.covered = covered;
  }

  /** Those up to the first record that cannot be right. */
  static decode(index: Buffer, segment: string, size: number): BlockTable {
    const seed = seedOf(segment);
    let covered = 0;
    let at = 0;
    for (; at + RECORD_BYTES <= index.length; at += RECORD_BYTES) {
      const bytes = index.readUInt32LE(at + 4);
      const isRight = crc32(index.subarray(at, at + 60), seed) === index.readUInt32LE(at + 60);
      if (!isRight || index.readUInt32LE(at) !== covered || bytes === 0 || covered + bytes > size) break;
      covered += bytes;
    }
    return new BlockTable(index.subarray(0, at), covered);
  }

  /** All records, whatever they say: for a question whose answer may be wrong. */
  static unchecked(index: Buffer): BlockTable {
    const records = index.subarray(0, index.length - (index.length % RECORD_BYTES));
    const last = records.length - RECORD_BYTES;
    return new BlockTable(records, last < 0 ? 0 : records.readUInt32LE(last) + records.readUInt32LE(last + 4));
  }

  /** With the blocks that follow. */
  extended(blocks: readonly Block[], segment: string): BlockTable {
    const added = blocks.map((block) => encodeRecord(block, segment));
    const covered = blocks.reduce((sum, block) => sum + block.bytes, this.covered);
    return new BlockTable(Buffer.concat([this.records, ...added]), covered);
  }

  /** Of the first so many records: what is derived from the segment names the blocks that it goes with by this. FNV-1a over
   *  the records' CRCs; a CRC over records that end with theirs would hardly depend on them. */
  fingerprint(count: number): number {
    let hash = 0x811c9dc5;
    for (let at = RECORD_BYTES - 4; at < count * RECORD_BYTES; at += RECORD_BYTES)
      hash = Math.imul(hash ^ this.records.readUInt32LE(at), 0x01000193);
    return hash >>> 0;
  }

  /** Whether a block has one of these facets; without making a block of its record. */
  hasAny(number: number, bits: readonly number[]): boolean {
    const at = number * RECORD_BYTES + FACETS_AT;
    return bits.some((bit) => (((this.records[at + (bit >>> 3)] as number) >>> (bit & 7)) & 1) === 1);
  }

  /** Whether each block has one of these facets. */
  allHaveAny(bits: readonly number[]): boolean {
    for (let at = FACETS_AT; at < this.records.length; at += RECORD_BYTES) {
      let has = 0;
      for (const bit of bits) has |= (this.records[at + (bit >>> 3)] as number) >>> (bit & 7);
      if ((has & 1) === 0) return false;
    }
    return true;
  }

  firstUs(number: number): number {
    return this.records.readDoubleLE(number * RECORD_BYTES + FIRST_US_AT);
  }

  lastUs(number: number): number {
    return this.records.readDoubleLE(number * RECORD_BYTES + LAST_US_AT);
  }

  at(number: number): Block {
    return new StoredBlock(this.records, number * RECORD_BYTES);
  }
}

/** Of its facets an array is made only when they are asked for. */
class StoredBlock implements Block {
  readonly offset: number;
  readonly bytes: number;
  readonly sum: number;
  readonly firstUs: number;
  readonly lastUs: number;
  readonly lines: number;
  private readonly records: Buffer;
  private readonly place: number;

  constructor(records: Buffer, place: number) {
    this.records = records;
    this.place = place;
    this.offset = records.readUInt32LE(place);
    this.bytes = records.readUInt32LE(place + 4);
    this.lines = records.readUInt32LE(place + 8);
    this.sum = records.readUInt32LE(place + 12);
    this.firstUs = records.readDoubleLE(place + FIRST_US_AT);
    this.lastUs = records.readDoubleLE(place + LAST_US_AT);
  }

  get facets(): Uint32Array {
    const read = (_: unknown, word: number): number => this.records.readUInt32LE(this.place + FACETS_AT + word * 4);
    return Uint32Array.from({ length: FACET_WORDS }, read);
  }
}

/** The blocks from the start of the segment up to the first record that cannot be right. */
export function decodeRecords(index: Buffer, segment: string, size: number): Block[] {
  const table = BlockTable.decode(index, segment, size);
  return Array.from({ length: table.length }, (_, number) => table.at(number));
}

/** Gathers pieces into blocks, in the order of the file. */
export class BlockBuilder {
  private open: Block | undefined;
  private offset: number;

  constructor(offset: number) {
    this.offset = offset;
  }

  /** Whether so many bytes more complete a block. */
  isFullWith(bytes: number): boolean {
    return (this.open?.bytes ?? 0) + bytes >= BLOCK_BYTES;
  }

  /** The block that this piece completes, if it does. */
  add(piece: Piece): Block | undefined {
    if (piece.bytes === 0) return undefined;
    this.open ??= {
      offset: this.offset,
      bytes: 0,
      lines: 0,
      sum: ADLER_START,
      firstUs: piece.firstUs,
      lastUs: piece.lastUs,
      facets: new Uint32Array(FACET_WORDS),
    };
    this.open.bytes += piece.bytes;
    this.open.lines += piece.lines;
    this.open.sum = joinAdler32(this.open.sum, piece.sum, piece.bytes);
    this.open.lastUs = piece.lastUs;
    mergeFacets(this.open.facets, piece.facets);
    this.offset += piece.bytes;
    return this.open.bytes >= BLOCK_BYTES ? this.close() : undefined;
  }

  /** Ends the open block, whatever its size. */
  close(): Block | undefined {
    const block = this.open;
    this.open = undefined;
    return block;
  }
}
