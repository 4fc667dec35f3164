/** A growing buffer: the encoder writes records into it, a flush takes them out with one write. */

const START_BYTES = 16 * 1024;

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

  /** Empties it and keeps its memory for the next use, unless there is more of it than `keptBytesMax`. */
  reset(keptBytesMax: number): void {
    this.length = 0;
    if (this.bytes.length > keptBytesMax) this.bytes = Buffer.alloc(0);
  }

  written(): Buffer {
    return this.bytes.subarray(0, this.length);
  }
}
