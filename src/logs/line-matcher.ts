/** The part of a filter that is told from the head of a line, as byte comparisons. `web` means every `web.N`, `web.1`
 *  exactly that. */
import { formatStamp } from "../core/log-line.ts";
import type { BlockTable } from "./block-index.ts";
import { facetBit, mayHaveRelease } from "./facets.ts";
import { HeadReader, startsAt } from "./head-reader.ts";
import {
  KERNEL_BYTES_MAX,
  LogKernel,
  logKernel,
  NEEDLE_BYTES_MAX,
  PICK_BYTES_MAX,
  type Needle,
  type Pick,
  type Picked,
} from "./log-kernel.ts";
import { rarePlaces } from "./rare-places.ts";
import { PS_AT, STAMP_AT, STAMP_BYTES } from "./line-head.ts";

export interface HeadFilter {
  /** A process name, or a process type: what stands before the first dot. */
  ps?: string | undefined;
  source?: string | undefined;
  release?: number | undefined;
  /** One of these. */
  levels?: readonly string[] | undefined;
  /** The first moment that counts, and the first that no longer does; microseconds. */
  sinceUs?: number | undefined;
  untilUs?: number | undefined;
}

const NEWLINE = 10;
const QUOTE = 0x22;
const DOT = 0x2e;
/** What stands before the name of the process: nothing in a message looks like it. */
const PS_KEY = ',"ps":"';

export class LineMatcher {
  readonly matchesAll: boolean;
  private readonly filter: HeadFilter;
  /** With its key. */
  private readonly ps: Buffer | undefined;
  private readonly isType: boolean;
  /** With it lines are passed over that are of other processes. */
  private readonly needle: Needle | undefined;
  /** Undefined where lines are asked for more, or less, than a process and a time. */
  private readonly picked: Pick | undefined;
  private readonly source: Buffer | undefined;
  private readonly levels: readonly Buffer[] | undefined;
  private readonly since: Buffer | undefined;
  private readonly until: Buffer | undefined;
  /** Whether the head behind the process name is asked for anything. */
  private readonly readsHead: boolean;
  private readonly head = new HeadReader();
  /** Of each of these a block has one. */
  private readonly facets: readonly (readonly number[])[];
  /** Whether more is asked of a block. */
  private readonly asksMore: boolean;

  constructor(filter: HeadFilter) {
    const { ps, source, release, levels, sinceUs, untilUs } = filter;
    this.filter = filter;
    this.ps = mapGiven(ps, (name) => Buffer.from(PS_KEY + name));
    this.isType = ps?.includes(".") === false;
    this.needle = mapGiven(this.ps, needleOf);
    this.source = mapGiven(source, quoted);
    this.levels = levels?.map((level) => quoted(level));
    this.since = mapGiven(sinceUs, (us) => Buffer.from(formatStamp(us)));
    this.until = mapGiven(untilUs, (us) => Buffer.from(formatStamp(us)));
    this.readsHead = [source, release, levels].some((wanted) => wanted !== undefined);
    this.facets = [
      mapGiven(ps, (name) => [`ps=${name}`, ...(this.isType ? [`type=${name}`] : [])]),
      mapGiven(source, (name) => [`src=${name}`]),
      levels?.map((level) => `lvl=${level}`),
    ].flatMap((texts) => (texts === undefined ? [] : [texts.map((text) => facetBit(text))]));
    this.asksMore = [release, sinceUs, untilUs].some((wanted) => wanted !== undefined);
    this.picked = this.readsHead || this.needle === undefined ? undefined : this.asPick();
    this.matchesAll = [source, release, levels, ps, sinceUs, untilUs].every((wanted) => wanted === undefined);
  }

  private asPick(): Pick | undefined {
    const { ps, isType, since, until } = this;
    return ps && { ps, isType, since, until };
  }

  /** Whether a block may have a line that matches. */
  mayBeIn(blocks: BlockTable, number: number): boolean {
    if (!this.facets.every((any) => blocks.hasAny(number, any))) return false;
    return !this.asksMore || this.mayHave(blocks, number);
  }

  /** Whether each block may. */
  mayBeInAll(blocks: BlockTable): boolean {
    if (!this.facets.every((any) => blocks.allHaveAny(any))) return false;
    let number = this.asksMore ? 0 : blocks.length;
    while (number < blocks.length && this.mayHave(blocks, number)) number += 1;
    return number === blocks.length;
  }

  private mayHave(blocks: BlockTable, number: number): boolean {
    const lastUs = blocks.lastUs(number);
    const { sinceUs, untilUs, release } = this.filter;
    // Without a stamp that can be read, nothing is known of the time.
    if (sinceUs !== undefined && lastUs !== 0 && lastUs < sinceUs) return false;
    if (untilUs !== undefined && blocks.firstUs(number) >= untilUs) return false;
    return release === undefined || mayHaveRelease(blocks.at(number).facets, release);
  }

  /** The lines of whole lines that match, as offsets: start, end, start, end … */
  select(lines: Buffer): number[] {
    const found: number[] = [];
    const take = (start: number, end: number): void => {
      if (this.matches(lines, start, end)) found.push(start, end);
    };
    const needle = lines.length <= KERNEL_BYTES_MAX ? this.needle : undefined;
    const kernel = needle && LogKernel.holding(lines);
    if (needle !== undefined && kernel !== undefined) {
      kernel.setNeedle(needle);
      kernel.search(lines.lastIndexOf(NEWLINE) + 1, false, take);
      return found;
    }
    for (let at = 0; at < lines.length;) {
      const end = lines.indexOf(NEWLINE, at) + 1;
      if (end === 0) break;
      take(at, end);
      at = end;
    }
    return found;
  }

  /** The lines of whole lines that match, next to each other; with `count` how many there are alone. Undefined where only `select` can
   *  tell. Of lines in the area of a borrowed kernel they are there too, until the next are. */
  pick(lines: Buffer, count: boolean): Picked | undefined {
    const { picked } = this;
    if (picked === undefined || lines.length > PICK_BYTES_MAX) return undefined;
    const kernel = LogKernel.holding(lines);
    const found = kernel?.pick(lines.lastIndexOf(NEWLINE) + 1, picked, count);
    return found && kernel === logKernel() ? { ...found, bytes: Buffer.from(found.bytes) } : found;
  }

  /** Whether one line, its newline included, matches. */
  matches(lines: Buffer, start: number, end: number): boolean {
    if (this.matchesAll) return true;
    const stampAt = start + STAMP_AT;
    if (this.since !== undefined && compareStamps(lines, stampAt, this.since) < 0) return false;
    if (this.until !== undefined && compareStamps(lines, stampAt, this.until) >= 0) return false;
    if (this.ps !== undefined && !this.matchesProcess(lines, start + PS_AT - PS_KEY.length, this.ps)) return false;
    return !this.readsHead || this.matchesHead(lines, start, end);
  }

  private matchesProcess(lines: Buffer, at: number, ps: Buffer): boolean {
    if (!startsAt(lines, at, ps)) return false;
    const next = lines[at + ps.length];
    return next === QUOTE || (this.isType && next === DOT);
  }

  private matchesHead(lines: Buffer, start: number, end: number): boolean {
    const { head, source, levels } = this;
    if (!head.read(lines, start, end)) return false;
    if (source !== undefined && !startsAt(lines, head.sourceAt, source)) return false;
    if (this.filter.release !== undefined && head.release !== this.filter.release) return false;
    if (levels === undefined) return true;
    return head.levelEnd > head.levelAt && levels.some((level) => startsAt(lines, head.levelAt, level));
  }
}

function mapGiven<A, B>(value: A | undefined, map: (value: A) => B): B | undefined {
  return value === undefined ? undefined : map(value);
}

/** Undefined for a name that no line can have. */
function needleOf(bytes: Buffer): Needle | undefined {
  const isLong = bytes.length > NEEDLE_BYTES_MAX;
  return isLong ? undefined : { bytes, ...rarePlaces(bytes), fold: false, anywhere: true };
}

/** With the quote behind it, so that `app` is not the beginning of `apple`. */
function quoted(value: string): Buffer {
  return Buffer.from(`${value}"`);
}

/** Stamps are text of one length, so that the order of their bytes is that of time. */
function compareStamps(lines: Buffer, at: number, stamp: Buffer): number {
  for (let index = 0; index < STAMP_BYTES; index += 1) {
    const difference = (lines[at + index] ?? 0) - (stamp[index] as number);
    if (difference !== 0) return difference;
  }
  return 0;
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
