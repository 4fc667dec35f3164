/** A filter on stored lines, as byte comparisons at known places. `web` means every `web.N`, `web.1` exactly that. */
import { hasFacet } from "./facets.ts";
import { PS_AT } from "./line-head.ts";

export interface LogFilter {
  /** A process name, or a process type: what stands before the first dot. */
  ps?: string | undefined;
  source?: string | undefined;
}

const NEWLINE = 10;
const QUOTE = 0x22;
const DOT = 0x2e;

export class LineMatcher {
  readonly matchesAll: boolean;
  private readonly ps: Buffer | undefined;
  private readonly psText: string;
  private readonly isType: boolean;
  private readonly source: Buffer | undefined;
  private readonly sourceText: string;

  constructor({ ps, source }: LogFilter) {
    this.psText = ps ?? "";
    this.ps = ps === undefined ? undefined : Buffer.from(ps);
    this.isType = !this.psText.includes(".");
    this.sourceText = source ?? "";
    this.source = source === undefined ? undefined : Buffer.from(`,"source":${JSON.stringify(source)}`);
    this.matchesAll = ps === undefined && source === undefined;
  }

  /** Whether a block with these facets may have a line that matches. */
  mayBeIn(facets: Uint32Array): boolean {
    if (this.source !== undefined && !hasFacet(facets, `src=${this.sourceText}`)) return false;
    if (this.ps === undefined || hasFacet(facets, `ps=${this.psText}`)) return true;
    return this.isType && hasFacet(facets, `type=${this.psText}`);
  }

  /** The lines of whole lines that match, as offsets: start, end, start, end … */
  select(lines: Buffer): number[] {
    const found: number[] = [];
    for (let at = 0; at < lines.length;) {
      const end = lines.indexOf(NEWLINE, at) + 1;
      if (end === 0) break;
      if (this.matches(lines, at)) found.push(at, end);
      at = end;
    }
    return found;
  }

  private matches(lines: Buffer, start: number): boolean {
    if (this.matchesAll) return true;
    let at = start + PS_AT;
    if (this.ps !== undefined) {
      if (!equalsAt(lines, at, this.ps)) return false;
      at += this.ps.length;
      if (lines[at] !== QUOTE && !(this.isType && lines[at] === DOT)) return false;
    }
    if (this.source === undefined) return true;
    const quote = lines.indexOf(QUOTE, at);
    return quote !== -1 && equalsAt(lines, quote + 1, this.source);
  }
}

function equalsAt(bytes: Buffer, at: number, wanted: Buffer): boolean {
  for (let index = 0; index < wanted.length; index += 1) if (bytes[at + index] !== wanted[index]) return false;
  return true;
}

/** The selected lines next to each other in a buffer of their own. */
export function copyLines(lines: Buffer, offsets: readonly number[]): Buffer {
  let length = 0;
  for (let index = 0; index < offsets.length; index += 2)
    length += (offsets[index + 1] as number) - (offsets[index] as number);
  if (length === lines.length) return lines;
  const copy = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (let index = 0; index < offsets.length; index += 2)
    at += lines.copy(copy, at, offsets[index], offsets[index + 1]);
  return copy;
}
