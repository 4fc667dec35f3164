/** Timing for the bench: pairs in turn, medians, and a bench's own context with the clean-up of a test. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "../support/suite.ts";

export interface Row {
  what: string;
  ours: string;
  peer: string;
  ratio: string;
  limit: string;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export const ms = (value: number): string => `${value.toFixed(1)} ms`;
export const times = (ours: number, peer: number): string => `${(ours / peer).toFixed(2)} ×`;

export async function timed(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

/** Runs the two in turn, so that both meet the same moments of the machine; the first pair is not counted.
 *  @param ofMany what stands for all rounds of one side */
export async function inPairs(
  count: number,
  ours: () => Promise<number>,
  peer: () => Promise<number>,
  ofMany: (values: readonly number[]) => number = median,
): Promise<[number, number]> {
  const a: number[] = [];
  const b: number[] = [];
  for (let n = 0; n <= count; n += 1) {
    const [one, other] = [await ours(), await peer()];
    if (n === 0) continue;
    a.push(one);
    b.push(other);
  }
  return [ofMany(a), ofMany(b)];
}

/** What a test gets, for a bench: directories and clean-up. */
export async function withContext<T>(body: (t: TestContext) => Promise<T>): Promise<T> {
  const cleanups: (() => unknown)[] = [];
  const context: TestContext = {
    after: (cleanup) => void cleanups.push(cleanup),
    async tempDir() {
      const dir = await mkdtemp(join(tmpdir(), "ghb-"));
      cleanups.push(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }));
      return dir;
    },
  };
  try {
    return await body(context);
  } finally {
    for (const cleanup of cleanups.toReversed()) await cleanup();
  }
}
