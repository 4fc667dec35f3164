/** The names that somebody may have meant who typed another one. */

const SUGGESTIONS_MAX = 3;

/** Names within two slips of the pen (three for long words), nearest first; or those that begin with the word. */
export function nearNames(word: string, names: readonly string[]): string[] {
  const slipsMax = word.length > 6 ? 3 : word.length > 3 ? 2 : 1;
  const near = names
    .map((name) => ({ name, slips: slipsBetween(word, name) }))
    .filter(({ slips }) => slips <= slipsMax)
    .sort((a, b) => a.slips - b.slips || (a.name < b.name ? -1 : 1))
    .map(({ name }) => name);
  if (near.length > 0) return near.slice(0, SUGGESTIONS_MAX);
  return names
    .filter((name) => word.length > 1 && (name.startsWith(word) || name.endsWith(`:${word}`)))
    .slice(0, SUGGESTIONS_MAX);
}

/** Insertions, deletions, replacements and swaps of neighbours: the optimal string alignment distance. */
function slipsBetween(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(
        Math.min(
          at(row, j - 1) + 1,
          at(previous, j) + 1,
          at(previous, j - 1) + cost,
          swapped ? at(beforePrevious, j - 2) + 1 : Infinity,
        ),
      );
    }
    beforePrevious = previous;
    previous = row;
  }
  return at(previous, b.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}
