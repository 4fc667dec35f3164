/** Numbers as a line of small bars, one for each; more of them than there is room are added up in neighbours. */

const BLOCKS = "▁▂▃▄▅▆▇█";
/** For terminals and files that are not in UTF-8. */
const PLAIN = "_.:-=+*#";

export interface SparklineOptions {
  width: number;
  /** Whether the blocks of Unicode may be used. */
  unicode: boolean;
}

/** Nothing is a blank, the greatest number the highest bar. */
export function sparkline(values: readonly number[], { width, unicode }: SparklineOptions): string {
  const marks = Array.from(unicode ? BLOCKS : PLAIN);
  const bars = squeeze(values, width);
  const greatest = bars.reduce((most, bar) => Math.max(most, bar), 0);
  return bars.map((bar) => (bar === 0 ? " " : marks[Math.ceil((bar / greatest) * marks.length) - 1])).join("");
}

/** How many neighbours are one bar. */
export function valuesPerBar(count: number, width: number): number {
  return Math.max(1, Math.ceil(count / width));
}

function squeeze(values: readonly number[], width: number): number[] {
  const each = valuesPerBar(values.length, width);
  const bars: number[] = [];
  for (let at = 0; at < values.length; at += each)
    bars.push(values.slice(at, at + each).reduce((sum, value) => sum + value, 0));
  return bars;
}
