/** Cuts raw output into the parts that become records: lines without their newline and a final `\r`, and lines over
 *  64 KiB in pieces that never split a UTF-8 sequence. Where a part ends depends on nothing but the bytes from its
 *  start, never on how the bytes arrived: recovery counts parts to find the place where a crash interrupted. */

export const PART_BYTES_MAX = 64 * 1024;
/** For less than this, plain loops are quicker than what is made for much. */
export const FEW_BYTES = 512;
const NEWLINE = 10;
const RETURN = 13;

export class PartScanner {
  readonly src: Buffer;
  /** The message of the current part is [start, stop). */
  start = 0;
  stop = 0;
  /** Whether the current part continues the one before it. */
  isLater = false;
  /** Where the next part begins, and whether it will continue the current one. */
  next = 0;
  nextIsLater: boolean;
  private readonly atEnd: boolean;
  private newline = -1;

  /** `nextIsLater` says that `src` begins inside a line that was cut; `atEnd` that nothing will follow `src`. */
  constructor(src: Buffer, nextIsLater: boolean, atEnd: boolean) {
    this.src = src;
    this.nextIsLater = nextIsLater;
    this.atEnd = atEnd;
  }

  /** Moves to the next part; false when the rest is not yet known to be a whole part. */
  advance(): boolean {
    const from = this.next;
    if (from >= this.src.length) return false;
    const stop = this.findStop(from);
    if (stop === -1) return false;
    this.isLater = this.nextIsLater;
    this.start = from;
    const length = stop - from;
    if (length > PART_BYTES_MAX && !(length === PART_BYTES_MAX + 1 && this.src[stop - 1] === RETURN)) {
      this.stop = this.next = cutBefore(this.src, from + PART_BYTES_MAX);
      this.nextIsLater = true;
      return true;
    }
    this.stop = length > 0 && this.src[stop - 1] === RETURN ? stop - 1 : stop;
    this.next = Math.min(stop + 1, this.src.length);
    this.nextIsLater = false;
    return true;
  }

  /** The end of the line, or any place far enough to know that the line must be cut, or -1. */
  private findStop(from: number): number {
    if (this.newline < from) this.newline = newlineFrom(this.src, from);
    if (this.newline !== -1) return this.newline;
    if (this.src.length - from >= PART_BYTES_MAX + 2) return from + PART_BYTES_MAX + 2;
    return this.atEnd ? this.src.length : -1;
  }
}

function newlineFrom(src: Buffer, from: number): number {
  if (src.length >= FEW_BYTES) return src.indexOf(NEWLINE, from);
  for (let at = from; at < src.length; at += 1) if (src[at] === NEWLINE) return at;
  return -1;
}

/** The last place at or before `at` that is not inside a UTF-8 sequence. */
function cutBefore(src: Uint8Array, at: number): number {
  for (let cut = at; cut > at - 4; cut -= 1) if (((src[cut] as number) & 0xc0) !== 0x80) return cut;
  return at;
}

/** `1764074557123456 at=info …`: a part of which its writer says when it was written. */
const STAMP_DIGITS = 16;
const BLANK = 0x20;

/** For files whose lines begin with their time: microseconds since the epoch in 16 digits, and a blank. */
export class StampedScanner extends PartScanner {
  /** Of the current part; that of the one before when it has none of its own. */
  us = 0;

  override advance(): boolean {
    if (!super.advance()) return false;
    if (this.isLater || this.stop - this.start <= STAMP_DIGITS || this.src[this.start + STAMP_DIGITS] !== BLANK)
      return true;
    const us = Number(this.src.toString("latin1", this.start, this.start + STAMP_DIGITS));
    if (!Number.isSafeInteger(us)) return true;
    if (us > 0) this.us = us;
    this.start += STAMP_DIGITS + 1;
    return true;
  }
}
