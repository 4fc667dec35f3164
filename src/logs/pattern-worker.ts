/** The thread in which a regular expression of a user is tried on messages: a pattern that backtracks without end holds
 *  up nothing but this thread, which its owner then ends (pattern-search.ts). */
import { parentPort, workerData } from "node:worker_threads";

export interface PatternData {
  source: string;
  flags: string;
}

/** Messages as they are stored, escaped: `ranges` are start, end, start, end … in `bytes`. */
export interface PatternQuestion {
  bytes: Uint8Array;
  ranges: Uint32Array;
}

const { source, flags } = workerData as PatternData;
const pattern = new RegExp(source, flags);

parentPort?.on("message", ({ bytes, ranges }: PatternQuestion) => {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const matches = new Uint8Array(ranges.length / 2);
  for (let index = 0; index < matches.length; index += 1) {
    const stored = buffer.toString("utf8", ranges[index * 2], ranges[index * 2 + 1]);
    matches[index] = pattern.test(stored.includes("\\") ? decode(stored) : stored) ? 1 : 0;
  }
  parentPort?.postMessage(matches, [matches.buffer]);
});

function decode(stored: string): string {
  try {
    return JSON.parse(`"${stored}"`) as string;
  } catch {
    return stored;
  }
}
