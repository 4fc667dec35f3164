/** Finds a text in messages as they are stored, escaped: the needle is escaped in the same way, so that bytes can be
 *  compared. A hit right behind a backslash may lie within an escape (`n` in `\n`); then the decoded message decides. */
import { HeadReader } from "./head-reader.ts";
import type { LineMatcher } from "./line-matcher.ts";
import { KERNEL_BYTES_MAX, LogKernel, NEEDLE_BYTES_MAX, type Needle } from "./log-kernel.ts";
import { rarePlaces } from "./rare-places.ts";
import { SoughtRows } from "./signature.ts";

const NEWLINE = 10;
const BACKSLASH = 0x5c;
/** `\u001b`: so far behind its backslash an escape may go on. */
const ESCAPE_BYTES = 5;

/** Told of each line that has the text, or may have it where it is not sure. */
type Take = (start: number, end: number, isSure: boolean) => void;

export class TextSearch {
  private readonly text: string;
  private readonly ignoreCase: boolean;
  private readonly needle: Needle;
  /** Rows of a signature that a block has which has the text. */
  readonly rows: SoughtRows;
  private readonly head = new HeadReader();

  /** @param ignoreCase whether `a` is also `A`; letters outside ASCII are always compared as they are. */
  constructor(text: string, ignoreCase: boolean) {
    this.text = ignoreCase ? lowerAscii(text) : text;
    this.ignoreCase = ignoreCase;
    const bytes = Buffer.from(JSON.stringify(this.text).slice(1, -1));
    this.needle = { bytes, ...rarePlaces(bytes), fold: ignoreCase, anywhere: false };
    this.rows = new SoughtRows(bytes);
  }

  /** The lines whose message has the text and which the matcher takes, as offsets: start, end … */
  select(lines: Buffer, matcher: LineMatcher): number[] {
    const found: number[] = [];
    this.eachHit(lines, (start, end, isSure) => {
      if (matcher.matches(lines, start, end) && (isSure || this.isIn(lines, start, end))) found.push(start, end);
    });
    return found;
  }

  /** How many lines have the text. */
  count(lines: Buffer): number {
    const kernel = this.kernelFor(lines);
    if (kernel !== undefined) return this.countIn(kernel, lines.length);
    let count = 0;
    this.eachHitPlainly(lines, (start, end) => (count += this.isIn(lines, start, end) ? 1 : 0));
    return count;
  }

  /** Whether any line may have the text. */
  mayBeIn(lines: Buffer): boolean {
    const kernel = this.kernelFor(lines);
    if (kernel === undefined) return this.ignoreCase || lines.includes(this.needle.bytes);
    let mayBe = false;
    kernel.setNeedle(this.needle);
    return kernel.search(lines.length, true, () => (mayBe = true)) > 0 || mayBe;
  }

  /** How many of the whole lines that the kernel holds, up to `end`, have the text. */
  countIn(kernel: LogKernel, end: number): number {
    const lines = kernel.area;
    let afterAll = 0;
    kernel.setNeedle(this.needle);
    const sure = kernel.search(end, true, (start, stop) => {
      if (this.isIn(lines, start, stop)) afterAll += 1;
    });
    return sure + afterAll;
  }

  private eachHit(lines: Buffer, take: Take): void {
    const kernel = this.kernelFor(lines);
    if (kernel === undefined) return this.eachHitPlainly(lines, take);
    kernel.setNeedle(this.needle);
    kernel.search(lines.lastIndexOf(NEWLINE) + 1, false, take);
  }

  get isForKernel(): boolean {
    const { length } = this.needle.bytes;
    return length > 0 && length <= NEEDLE_BYTES_MAX;
  }

  /** Holding the lines. */
  private kernelFor(lines: Buffer): LogKernel | undefined {
    return this.isForKernel && lines.length <= KERNEL_BYTES_MAX ? LogKernel.holding(lines) : undefined;
  }

  private eachHitPlainly(lines: Buffer, take: Take): void {
    const hay = this.ignoreCase ? lowerBytes(lines) : lines;
    for (let at = 0; at < lines.length;) {
      const hit = hay.indexOf(this.needle.bytes, at);
      if (hit === -1) return;
      const start = hit === 0 ? 0 : lines.lastIndexOf(NEWLINE, hit - 1) + 1;
      const end = lines.indexOf(NEWLINE, hit) + 1;
      if (end === 0) return;
      take(start, end, false);
      at = end;
    }
  }

  /** Those of the lines at the offsets whose message has not the text. */
  reject(lines: Buffer, offsets: readonly number[]): number[] {
    const kept: number[] = [];
    for (let index = 0; index < offsets.length; index += 2) {
      const [start, end] = [offsets[index] as number, offsets[index + 1] as number];
      if (!this.isIn(lines, start, end)) kept.push(start, end);
    }
    return kept;
  }

  private isIn(lines: Buffer, start: number, end: number): boolean {
    const { head } = this;
    const hasParts = head.read(lines, start, end);
    const [from, to] = hasParts ? [head.messageAt, head.messageEnd] : [start, end];
    const hay = lines.subarray(from, to);
    const hit = (this.ignoreCase ? lowerBytes(hay) : hay).indexOf(this.needle.bytes);
    if (hit === -1 || !hasParts) return hit !== -1;
    for (let before = Math.max(0, hit - ESCAPE_BYTES); before < hit; before += 1)
      if (hay[before] === BACKSLASH) return this.isInDecoded(hay);
    return true;
  }

  private isInDecoded(stored: Buffer): boolean {
    const message = decodeMessage(stored.toString("utf8"));
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
