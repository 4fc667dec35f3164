/** Which of several threads reads what: each thing is read by whoever takes it first. */
export class Claims {
  /** Nobody has taken any of them. */
  static for(count: number): Claims {
    return new Claims(new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT));
  }

  /** What threads share. */
  readonly memory: SharedArrayBuffer;
  private readonly words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.words = new Int32Array(memory);
  }

  /** Whether it is the caller's now. */
  take(number: number): boolean {
    return Atomics.compareExchange(this.words, number, 0, 1) === 0;
  }
}
