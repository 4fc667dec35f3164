/** Lines that are found here and there, put together into pieces that are worth passing on. */

export const PIECE_BYTES = 256 * 1024;
/** What is passed on although there is room for more. */
const ENOUGH_BYTES = 176 * 1024;
/** Nobody waits longer for what was found. */
const PATIENCE_MS = 5;

export class Gathered {
  private readonly memory: () => Buffer;
  private bytes: Buffer = Buffer.alloc(0);
  private length = 0;
  private begin = performance.now();

  /** @param memory PIECE_BYTES for a piece, whenever one begins */
  constructor(memory: () => Buffer) {
    this.memory = memory;
  }

  /** Takes a copy; there is room for it. */
  add(lines: Buffer): void {
    if (lines.length === 0) return;
    if (this.length === 0) this.bytes = this.memory();
    this.length += lines.copy(this.bytes, this.length);
  }

  /** Whether it is time to take what there is, before so many bytes more, and to let others have their turn. */
  isDue(more: number): boolean {
    const { length } = this;
    return length + more > PIECE_BYTES || length >= ENOUGH_BYTES || performance.now() - this.begin >= PATIENCE_MS;
  }

  /** What there is. */
  take(): Buffer {
    const piece = this.bytes.subarray(0, this.length);
    this.length = 0;
    this.begin = performance.now();
    return piece;
  }
}

/** The same memory for every piece. */
export function oneMemory(): () => Buffer {
  let memory: Buffer | undefined;
  return () => (memory ??= Buffer.allocUnsafeSlow(PIECE_BYTES));
}
