/** A growing buffer: the encoder writes records into it, a flush takes them out with one write. What was given back is used
 *  again, by whoever asks next: new memory costs as much as filling it. */

const START_BYTES = 16 * 1024;
/** Of all sinks. */
const SPARE_MAX = 3;
const SPARE_BYTES_MAX = 8 * 1024 * 1024;
const spare: Buffer[] = [];
const NOTHING = Buffer.alloc(0);

export class ByteSink {
  bytes: Buffer = NOTHING;
  length = 0;

  /** Makes room for `more` bytes behind `length`; `bytes` may be another buffer afterwards. */
  reserve(more: number): void {
    const needed = this.length + more;
    if (this.bytes.length === 0) this.bytes = spare.pop() ?? NOTHING;
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
    if (this.bytes.length <= keptBytesMax) return;
    if (spare.length < SPARE_MAX && this.bytes.length <= SPARE_BYTES_MAX) spare.push(this.bytes);
    this.bytes = NOTHING;
  }

  written(): Buffer {
    return this.bytes.subarray(0, this.length);
  }
}
