/** Finds a text in messages as they are stored, escaped: the needle is escaped in the same way, so that bytes can be
 *  compared. A hit right behind a backslash may lie within an escape (`n` in `\n`); then the decoded message decides. */
import { HeadReader } from "./head-reader.ts";
import type { LineMatcher } from "./line-matcher.ts";
import { rowsOf } from "./signature.ts";

const NEWLINE = 10;
const BACKSLASH = 0x5c;
/** `\u001b`: so far behind its backslash an escape may go on. */
const ESCAPE_BYTES = 5;

export class TextSearch {
  private readonly text: string;
  private readonly ignoreCase: boolean;
  private readonly needle: Buffer;
  /** Rows of a signature that a block has which has the text. */
  readonly rows: readonly number[];
  private readonly head = new HeadReader();

  /** @param ignoreCase whether `a` is also `A`; letters outside ASCII are always compared as they are. */
  constructor(text: string, ignoreCase: boolean) {
    this.text = ignoreCase ? lowerAscii(text) : text;
    this.ignoreCase = ignoreCase;
    this.needle = Buffer.from(JSON.stringify(this.text).slice(1, -1));
    this.rows = rowsOf(this.needle);
  }

  /** The lines whose message has the text and which the matcher takes, as offsets: start, end … */
  select(lines: Buffer, matcher: LineMatcher): number[] {
    const found: number[] = [];
    const hay = this.ignoreCase ? lowerBytes(lines) : lines;
    for (let at = 0; at < lines.length;) {
      const hit = hay.indexOf(this.needle, at);
      if (hit === -1) break;
      const start = hit === 0 ? 0 : lines.lastIndexOf(NEWLINE, hit - 1) + 1;
      const end = lines.indexOf(NEWLINE, hit) + 1;
      if (end === 0) break;
      if (matcher.matches(lines, start, end) && this.isIn(lines, hay, start, end)) found.push(start, end);
      at = end;
    }
    return found;
  }

  /** Those of the lines at the offsets whose message has not the text. */
  reject(lines: Buffer, offsets: readonly number[]): number[] {
    const hay = this.ignoreCase ? lowerBytes(lines) : lines;
    const kept: number[] = [];
    for (let index = 0; index < offsets.length; index += 2) {
      const [start, end] = [offsets[index] as number, offsets[index + 1] as number];
      if (!this.isIn(lines, hay, start, end)) kept.push(start, end);
    }
    return kept;
  }

  private isIn(lines: Buffer, hay: Buffer, start: number, end: number): boolean {
    const { head, needle } = this;
    if (!head.read(lines, start, end)) return hay.subarray(start, end).includes(needle);
    const hit = hay.subarray(head.messageAt, head.messageEnd).indexOf(needle);
    if (hit === -1) return false;
    const at = head.messageAt + hit;
    for (let before = Math.max(head.messageAt, at - ESCAPE_BYTES); before < at; before += 1)
      if (lines[before] === BACKSLASH) return this.isInDecoded(lines, head.messageAt, head.messageEnd);
    return true;
  }

  private isInDecoded(lines: Buffer, from: number, to: number): boolean {
    const message = decodeMessage(lines.toString("utf8", from, to));
    return (this.ignoreCase ? lowerAscii(message) : message).includes(this.text);
  }
}

/** A message that somebody's hand broke is taken as it stands. */
function decodeMessage(stored: string): string {
  try {
    return JSON.parse(`"${stored}"`) as string;
  } catch {
    return stored;
  }
}

function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function lowerBytes(lines: Buffer): Buffer {
  const lower = Buffer.allocUnsafeSlow(lines.length);
  for (let at = 0; at < lines.length; at += 1) {
    const byte = lines[at] as number;
    lower[at] = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
  }
  return lower;
}
