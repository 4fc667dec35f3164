/** The part of a record in front of its message, prepared once for each process: only the stamp changes from line to
 *  line, and it always stands at byte 7. The process name always begins at byte 42. */
import { formatStamp } from "../core/log-line.ts";
import type { LogSource } from "../core/log-line.ts";
import { lineFacets, mergeFacets } from "./facets.ts";
import { LEVELS } from "./level.ts";

export const STAMP_AT = 7;
export const STAMP_BYTES = 27;
export const PS_AT = 42;

export interface LineOrigin {
  ps: string;
  source: LogSource;
  release?: number | undefined;
}

interface Head {
  bytes: Buffer;
  us: number;
}

/** The characters that a process name may have in a record; everything else becomes `_`. */
export function cleanProcessName(ps: string): string {
  return ps.replace(/[^A-Za-z0-9_.-]/g, "_").slice(0, 160) || "_";
}

let lastUs = -1;
let lastStamp = "";

function stampText(us: number): string {
  if (us !== lastUs) {
    lastStamp = formatStamp(us);
    lastUs = us;
  }
  return lastStamp;
}

const SECOND_US = 1_000_000;
/** The last digit of a stamp's microseconds. */
const FRACTION_END = STAMP_AT + STAMP_BYTES - 2;
const FRACTION_DIGITS = 6;
const ZERO = 0x30;

function isSameSecond(a: number, b: number): boolean {
  return Math.floor(a / SECOND_US) === Math.floor(b / SECOND_US);
}

/** Of a stamp whose second stands there already: no text has to be made. */
function putFraction(head: Buffer, us: number): void {
  let rest = us % SECOND_US;
  for (let at = FRACTION_END; at > FRACTION_END - FRACTION_DIGITS; at -= 1) {
    head[at] = ZERO + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

export class LineHeads {
  private readonly origin: LineOrigin;
  private readonly heads: (Head | undefined)[] = [];
  private readonly facetsByLevels = new Map<number, Uint32Array>();

  constructor(origin: LineOrigin) {
    this.origin = { ...origin, ps: cleanProcessName(origin.ps) };
  }

  /** For a level by its number in LEVELS: cached, for the hot path. */
  at(level: number, isLater: boolean, us: number): Buffer {
    const index = level * 2 + (isLater ? 1 : 0);
    const head = (this.heads[index] ??= { bytes: this.make(LEVELS[level], isLater, us), us });
    if (head.us !== us) {
      if (isSameSecond(head.us, us)) putFraction(head.bytes, us);
      else head.bytes.write(stampText(us), STAMP_AT, "latin1");
      head.us = us;
    }
    return head.bytes;
  }

  /** What a block contains that has lines of these levels (bit n = level n). */
  facets(levels: number): Uint32Array {
    const known = this.facetsByLevels.get(levels);
    if (known !== undefined) return known;
    const facets = lineFacets(this.origin);
    for (const [number, level] of LEVELS.entries())
      if ((levels >> number) & 1) mergeFacets(facets, lineFacets({ ...this.origin, level }));
    this.facetsByLevels.set(levels, facets);
    return facets;
  }

  private make(level: string | undefined, isLater: boolean, us: number): Buffer {
    const { ps, source, release } = this.origin;
    const start = JSON.stringify({ ts: stampText(us), ps, source, release, level, cont: isLater ? 1 : undefined });
    return Buffer.from(`${start.slice(0, -1)},"msg":"`);
  }
}
