/** Adler-32 (RFC 1950, section 8.2), the checksum of a block of lines: the kernel makes it several times as fast as Node's CRC-32, and
 *  that of two pieces follows from theirs. docs/decisions/174-adler-of-blocks.md. */
import { logKernel } from "./log-kernel.ts";

const BASE = 65521;
/** Of no bytes. */
export const ADLER_START = 1;
/** For less than this, a plain loop is quicker than a kernel that slept. */
const FEW_BYTES = 512;
/** After so many bytes the sums are still below 2 ** 31. */
const SUMS_BYTES_MAX = 3800;

/** Of the bytes in [from, end). */
export function adler32(bytes: Buffer, from = 0, end = bytes.length): number {
  const kernel = end - from < FEW_BYTES ? undefined : logKernel();
  return kernel?.adler(bytes.subarray(from, end)) ?? plainAdler32(bytes, from, end);
}

/** The same without a kernel. */
export function plainAdler32(bytes: Buffer, from: number, end: number): number {
  let [low, high] = [ADLER_START, 0];
  for (let at = from; at < end;) {
    const stop = Math.min(end, at + SUMS_BYTES_MAX);
    for (; at < stop; at += 1) {
      low += bytes[at] as number;
      high += low;
    }
    low %= BASE;
    high %= BASE;
  }
  return compose(low, high);
}

/** Of bytes and so many that follow them, by the sums of both. */
export function joinAdler32(first: number, second: number, secondBytes: number): number {
  const before = (first & 0xffff) - ADLER_START;
  const low = (before + (second & 0xffff)) % BASE;
  // `before` is -1 where the sum of the bytes is a multiple of the base.
  const high = ((first >>> 16) + (second >>> 16) + secondBytes * (before + BASE)) % BASE;
  return compose((low + BASE) % BASE, high);
}

function compose(low: number, high: number): number {
  return high * 0x10000 + low;
}
