/** So many in the long run, and so many at once (a token bucket). It begins full. */
export class TokenBucket {
  /** What it holds at most. */
  readonly capacity: number;
  readonly #perMs: number;
  #tokens: number;
  #filledMs: number;

  /** @param perSecond how many come back in each second */
  constructor({ capacity, perSecond }: { capacity: number; perSecond: number }, nowMs: number) {
    this.capacity = capacity;
    this.#perMs = perSecond / 1000;
    this.#tokens = capacity;
    this.#filledMs = nowMs;
  }

  /** How many are there; less than none when more were taken. */
  count(nowMs: number): number {
    // A clock that was set back brings nothing.
    const passedMs = Math.max(0, nowMs - this.#filledMs);
    this.#filledMs = nowMs;
    this.#tokens = Math.min(this.capacity, this.#tokens + passedMs * this.#perMs);
    return this.#tokens;
  }

  take(count: number): void {
    this.#tokens -= count;
  }

  /** Milliseconds until so many are there; 0 when they are. */
  waitMs(nowMs: number, count: number): number {
    return Math.max(0, (count - this.count(nowMs)) / this.#perMs);
  }
}
