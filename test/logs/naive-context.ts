/** What context means, said in another way than the product does. */

export interface PickedLine {
  ps: string;
  isHit: boolean;
  isContinuation: boolean;
}

/** For each process, hits ± count, and traces that this would cut, whole: the numbers of the lines. */
export function naiveContext(lines: readonly PickedLine[], count: number): number[] {
  const taken = new Set<number>();
  for (const ps of new Set(lines.map((line) => line.ps))) {
    const own = [...lines.keys()].filter((index) => lines[index]?.ps === ps);
    const continues = (at: number): boolean => lines[own[at] ?? -1]?.isContinuation ?? false;
    for (const [at, index] of own.entries()) {
      if (lines[index]?.isHit !== true) continue;
      let [first, last] = [Math.max(0, at - count), at + count];
      while (first > 0 && continues(first)) first -= 1;
      while (continues(last + 1)) last += 1;
      for (const near of own.slice(first, last + 1)) taken.add(near);
    }
  }
  return [...taken].sort((a, b) => a - b);
}
