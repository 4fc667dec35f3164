/** Raw bytes → records, a byte at a time: escapes exactly as `JSON.stringify` has them, and U+FFFD for what is not
 *  UTF-8. The hot path of the intake; it makes no string of a message. */
import { isUtf8 } from "node:buffer";
import { adler32 } from "./adler.ts";
import type { ByteSink } from "./byte-sink.ts";
import { detectLevel } from "./level.ts";
import type { LineHeads } from "./line-head.ts";
import type { PartScanner } from "./raw-parts.ts";

/** A run, and with it a block of the index, ends with the first line that reaches this size. */
export const BLOCK_BYTES = 64 * 1024;
const ESCAPED_BYTES_MAX = 6;

/** byte → 0: stands for itself; 1: `\u00xx`; else the letter behind the backslash. */
const ESCAPES = new Uint8Array(256);
ESCAPES.fill(1, 0, 0x20);
for (const [char, letter] of ['""', "\\\\", "\bb", "\tt", "\nn", "\ff", "\rr"])
  ESCAPES[(char as string).charCodeAt(0)] = (letter as string).charCodeAt(0);
const HEX = Buffer.from("0123456789abcdef");

export interface EncodedRun {
  bytes: number;
  lines: number;
  /** Adler-32 of the bytes. */
  sum: number;
  facets: Uint32Array;
  firstUs: number;
  lastUs: number;
}

export interface EncodeOptions {
  /** The stamp of all lines, or what tells that of the scanner's current part. */
  us: number | (() => number);
  /** Parts that end before this are known to be UTF-8 and not looked at one by one. */
  cleanUntil: number;
  /** The level of all lines, by its number in LEVELS; undefined: each line is asked. */
  level?: number | undefined;
}

/** Encodes parts until the scanner has no more or the run is as long as a block. */
export function encodeRun(
  scanner: PartScanner,
  sink: ByteSink,
  heads: LineHeads,
  { us: stamp, cleanUntil, level: stated }: EncodeOptions,
): EncodedRun {
  const begin = sink.length;
  const { src } = scanner;
  let lines = 0;
  let levels = 0;
  let us = typeof stamp === "number" ? stamp : 0;
  let firstUs = us;
  while (sink.length - begin < BLOCK_BYTES && scanner.advance()) {
    const { start, stop } = scanner;
    if (typeof stamp !== "number") us = stamp();
    if (lines === 0) firstUs = us;
    const level = stated ?? (scanner.isLater ? 0 : detectLevel(src, start, stop));
    levels |= 1 << level;
    const head = heads.at(level, scanner.isLater, us);
    encodeLine(sink, head, stop <= cleanUntil ? scanner : validPart(scanner));
    lines += 1;
  }
  const sum = adler32(sink.bytes, begin, sink.length);
  return { bytes: sink.length - begin, lines, sum, facets: heads.facets(levels), firstUs, lastUs: us };
}

type Part = Pick<PartScanner, "src" | "start" | "stop">;

function validPart(part: Part): Part {
  const bytes = part.src.subarray(part.start, part.stop);
  if (isUtf8(bytes)) return part;
  const src = Buffer.from(bytes.toString("utf8"));
  return { src, start: 0, stop: src.length };
}

function encodeLine(sink: ByteSink, head: Buffer, { src, start, stop }: Part): void {
  sink.reserve(head.length + (stop - start) * ESCAPED_BYTES_MAX + 3);
  const dst = sink.bytes;
  dst.set(head, sink.length);
  let at = sink.length + head.length;
  for (let index = start; index < stop; index += 1) {
    const byte = src[index] as number;
    const escape = ESCAPES[byte] as number;
    if (escape === 0) dst[at++] = byte;
    else {
      dst[at++] = 0x5c;
      if (escape === 1) at = putHex(dst, at, byte);
      else dst[at++] = escape;
    }
  }
  dst[at] = 0x22;
  dst[at + 1] = 0x7d;
  dst[at + 2] = 0x0a;
  sink.length = at + 3;
}

function putHex(dst: Buffer, at: number, byte: number): number {
  dst[at] = 0x75;
  dst[at + 1] = 0x30;
  dst[at + 2] = 0x30;
  dst[at + 3] = HEX[byte >> 4] as number;
  dst[at + 4] = HEX[byte & 15] as number;
  return at + 5;
}
