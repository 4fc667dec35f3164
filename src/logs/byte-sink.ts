/** A growing buffer: the encoder writes records into it, a flush takes them out with one write. */

const START_BYTES = 16 * 1024;
const KEPT_BYTES_MAX = 64 * 1024;

export class ByteSink {
  bytes: Buffer = Buffer.alloc(0);
  length = 0;

  /** Makes room for `more` bytes behind `length`; `bytes` may be another buffer afterwards. */
  reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    let size = Math.max(START_BYTES, this.bytes.length);
    while (size < needed) size *= 2;
    const grown = Buffer.allocUnsafeSlow(size);
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }

  /** Empties it; the memory is kept for the next use when it is little. */
  reset(): void {
    this.length = 0;
    if (this.bytes.length > KEPT_BYTES_MAX) this.bytes = Buffer.alloc(0);
  }

  written(): Buffer {
    return this.bytes.subarray(0, this.length);
  }
}
