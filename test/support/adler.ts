/** Adler-32 as zlib has it: at the end of what it deflated. */
import { deflateSync } from "node:zlib";

export function zlibAdler32(bytes: Buffer | string): number {
  const deflated = deflateSync(bytes, { level: 0 });
  return deflated.readUInt32BE(deflated.length - 4);
}
