/** Counts whole numbers, such as milliseconds, so that percentiles can be told in little memory however many there are.
 *  Below 128 each number has a bucket of its own; from there on each doubling is cut into 64 buckets, and what is told is
 *  the middle of one: within 0.8 % of the number itself. Two halves that were counted apart can be put together. */

const EXACT = 128;
const PER_DOUBLING = 64;
/** A doubling begins at 2 to the power of this. */
const FIRST_POWER = 7;
const VALUE_MAX = 2 ** 31 - 1;

export class Histogram {
  private buckets = new Uint32Array(EXACT);
  private least = VALUE_MAX;
  private greatest = 0;
  count = 0;

  /** Exact; 0 of none. */
  get max(): number {
    return this.greatest;
  }

  /** Negative numbers count as 0, those that are too large as 2^31 - 1. */
  add(value: number): void {
    const whole = Math.min(VALUE_MAX, Math.max(0, Math.round(value)));
    const index = bucketOf(whole);
    if (index >= this.buckets.length) this.grow(index + 1);
    this.buckets[index] = (this.buckets[index] as number) + 1;
    this.count += 1;
    if (whole < this.least) this.least = whole;
    if (whole > this.greatest) this.greatest = whole;
  }

  merge(other: Histogram): void {
    if (other.buckets.length > this.buckets.length) this.grow(other.buckets.length);
    for (const [index, count] of other.buckets.entries()) this.buckets[index] = (this.buckets[index] as number) + count;
    this.count += other.count;
    this.least = Math.min(this.least, other.least);
    this.greatest = Math.max(this.greatest, other.greatest);
  }

  /** By nearest rank: the smallest number that at least this share (0 to 1) of all do not exceed; undefined of none. */
  quantile(share: number): number | undefined {
    if (this.count === 0) return undefined;
    let missing = Math.max(1, Math.ceil(share * this.count));
    for (const [index, count] of this.buckets.entries()) {
      missing -= count;
      if (missing <= 0) return Math.min(this.greatest, Math.max(this.least, middleOf(index)));
    }
    return this.greatest;
  }

  private grow(length: number): void {
    const room = Math.ceil(length / PER_DOUBLING) * PER_DOUBLING;
    const larger = new Uint32Array(room);
    larger.set(this.buckets);
    this.buckets = larger;
  }
}

function bucketOf(value: number): number {
  if (value < EXACT) return value;
  const power = 31 - Math.clz32(value);
  const part = (value >>> (power - FIRST_POWER + 1)) - PER_DOUBLING;
  return EXACT + (power - FIRST_POWER) * PER_DOUBLING + part;
}

function middleOf(index: number): number {
  if (index < EXACT) return index;
  const doubling = Math.floor((index - EXACT) / PER_DOUBLING);
  const width = 2 ** (doubling + 1);
  const lowest = (PER_DOUBLING + ((index - EXACT) % PER_DOUBLING)) * width;
  return lowest + (width >> 1);
}
