/** Where the parts of a stored line are, found by walking over its head. One reader is used for many lines and makes no
 *  garbage. What somebody else's hand wrote into a segment may be of another form: such a line has no parts. */
import { PS_AT } from "./line-head.ts";

const QUOTE = 0x22;
const ZERO = 0x30;
const SOURCE = Buffer.from('","source":"');
const RELEASE = Buffer.from(',"release":');
const LEVEL = Buffer.from(',"level":"');
const CONT = Buffer.from(',"cont":');
const MESSAGE = Buffer.from(',"msg":"');
/** `"}` and the newline. */
export const TAIL_BYTES = 3;

export class HeadReader {
  psEnd = 0;
  sourceAt = 0;
  sourceEnd = 0;
  /** 0 when the line names none. */
  release = 0;
  /** Equal to `levelEnd` when the line has none. */
  levelAt = 0;
  levelEnd = 0;
  messageAt = 0;
  messageEnd = 0;

  /** False when the line, newline included, is of another form. */
  read(lines: Buffer, start: number, end: number): boolean {
    this.psEnd = lines.indexOf(QUOTE, start + PS_AT);
    if (this.psEnd === -1 || !startsAt(lines, this.psEnd, SOURCE)) return false;
    this.sourceAt = this.psEnd + SOURCE.length;
    this.sourceEnd = lines.indexOf(QUOTE, this.sourceAt);
    if (this.sourceEnd === -1) return false;
    let at = this.readRelease(lines, this.sourceEnd + 1);
    at = this.readLevel(lines, at);
    if (startsAt(lines, at, CONT)) at = afterDigits(lines, at + CONT.length);
    if (!startsAt(lines, at, MESSAGE)) return false;
    this.messageAt = at + MESSAGE.length;
    this.messageEnd = end - TAIL_BYTES;
    return this.messageAt <= this.messageEnd && lines[this.messageEnd] === QUOTE;
  }

  private readRelease(lines: Buffer, at: number): number {
    this.release = 0;
    if (!startsAt(lines, at, RELEASE)) return at;
    const end = afterDigits(lines, at + RELEASE.length);
    for (let index = at + RELEASE.length; index < end; index += 1)
      this.release = this.release * 10 + (lines[index] as number) - ZERO;
    return end;
  }

  private readLevel(lines: Buffer, at: number): number {
    const isThere = startsAt(lines, at, LEVEL);
    this.levelAt = isThere ? at + LEVEL.length : at;
    this.levelEnd = isThere ? Math.max(this.levelAt, lines.indexOf(QUOTE, this.levelAt)) : at;
    return isThere ? this.levelEnd + 1 : at;
  }
}

function afterDigits(lines: Buffer, from: number): number {
  let at = from;
  while (at < lines.length && (lines[at] as number) - ZERO >= 0 && (lines[at] as number) - ZERO <= 9) at += 1;
  return at;
}

export function startsAt(bytes: Buffer, at: number, wanted: Buffer): boolean {
  for (let index = 0; index < wanted.length; index += 1) if (bytes[at + index] !== wanted[index]) return false;
  return true;
}
