/** How a whole repository is packed for a journey: with one processor and little memory, since apps run on the same
 *  machine. */
import { Readable } from "node:stream";
import type { Refs } from "./bundle-format.ts";

const MODEST = ["--threads=1", "--window-memory=64m"];

export const PACK_ARGUMENTS = ["pack-objects", "--quiet", "--revs", "--delta-base-offset", ...MODEST, "--stdout"];

/** The standard input that goes with it. */
export function packTips(refs: Refs): Readable {
  return Readable.from([[...new Set(refs.values())].map((oid) => `${oid}\n`).join("")]);
}
