/** Gathers the lines of an answer while blocks are read from the newest backwards. */
import { ContextPicker } from "./context-picker.ts";
import { copyLines } from "./line-matcher.ts";
import type { BlockTable } from "./block-index.ts";
import { facetBit } from "./facets.ts";
import type { LineSelection } from "./line-selection.ts";
import { passingLines } from "./passing-lines.ts";
import type { Position } from "./segment-files.ts";
import type { Candidates, SignedSegment } from "./signature.ts";

/** An answer ends early, with the newest lines, when it grows over this. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/** What is looked for. */
export interface Wanted {
  selection: LineSelection;
  /** Hits; their context comes on top. */
  lines: number;
  /** Lines of the same process before and behind each hit. */
  context: number;
  /** What is cut is of no use: then there are no lines at all, unless there is context. */
  isAllOrNone?: boolean;
}

export interface Answer {
  isComplete(): boolean;
  mayBeIn(blocks: BlockTable, number: number): boolean;
  /** Blocks of a segment that may have a hit; undefined: not known. */
  candidates(target: SignedSegment, blocks: BlockTable): Promise<Candidates | undefined>;
  /** Whether whole lines may have a hit, by a quick look. */
  mayHave(lines: Buffer): boolean;
  /** Whole lines that stand in front of those added before. */
  add(lines: Buffer, at: Position): Promise<void>;
  result(): LastLines;
}

export interface LastLines {
  /** NDJSON, oldest line first. */
  lines: Buffer;
  /** Where its first line stands, when there is context. */
  start: Position | undefined;
  /** It grew too large to have all that is wanted. */
  isCut: boolean;
}

export function newAnswer(wanted: Wanted): Answer {
  return wanted.context > 0 ? new ContextAnswer(wanted) : new PlainAnswer(wanted);
}

class PlainAnswer implements Answer {
  private readonly wanted: Wanted;
  /** Newest first. */
  private readonly pieces: Buffer[] = [];
  private missing: number;
  private bytes = 0;

  constructor(wanted: Wanted) {
    this.wanted = wanted;
    this.missing = wanted.lines;
  }

  isComplete(): boolean {
    return this.missing <= 0 || this.isFull;
  }

  mayBeIn(blocks: BlockTable, number: number): boolean {
    return this.wanted.selection.mayBeIn(blocks, number);
  }

  candidates(target: SignedSegment, blocks: BlockTable): Promise<Candidates | undefined> {
    return this.wanted.selection.candidates(target, blocks);
  }

  mayHave(lines: Buffer): boolean {
    return this.wanted.selection.mayHave(lines);
  }

  async add(lines: Buffer): Promise<void> {
    const found = await this.wanted.selection.select(lines);
    const newest = found.slice(Math.max(0, found.length - this.missing * 2));
    if (newest.length === 0) return;
    // In a buffer of its own: what was read may be larger, and most of it is not wanted.
    const piece = Buffer.from(copyLines(lines, newest));
    this.pieces.push(piece);
    this.missing -= newest.length / 2;
    this.bytes += piece.length;
  }

  result(): LastLines {
    const isCut = this.missing > 0 && this.isFull;
    if (isCut && this.wanted.isAllOrNone === true) this.pieces.length = 0;
    return { lines: Buffer.concat(this.pieces.toReversed()), start: undefined, isCut };
  }

  private get isFull(): boolean {
    return this.bytes >= ANSWER_BYTES_MAX;
  }
}

interface Placed {
  /** Counts down: the newest line has the highest. */
  order: number;
  at: Position;
  bytes: Buffer;
}

class ContextAnswer implements Answer {
  private readonly wanted: Wanted;
  private readonly picker: ContextPicker<Placed>;
  private readonly taken: Placed[] = [];
  private missing: number;
  private order = 0;
  private bytes = 0;

  constructor(wanted: Wanted) {
    this.wanted = wanted;
    this.missing = wanted.lines;
    this.picker = new ContextPicker(wanted.context, "backward");
  }

  isComplete(): boolean {
    if (this.bytes >= ANSWER_BYTES_MAX) return true;
    return this.missing <= 0 && [...this.picker.waiting()].length === 0;
  }

  mayBeIn(blocks: BlockTable, number: number): boolean {
    // What passes now may be the context of a hit that comes later.
    if (!this.wanted.selection.scope.mayBeIn(blocks, number)) return false;
    return this.missing > 0 || [...this.picker.waiting()].some((ps) => blocks.hasAny(number, [facetBit(`ps=${ps}`)]));
  }

  /** The context of a hit may be in any block. */
  async candidates(): Promise<undefined> {
    return undefined;
  }

  /** As `candidates`. */
  mayHave(): boolean {
    return true;
  }

  async add(lines: Buffer, { segment, offset }: Position): Promise<void> {
    const passing = await passingLines(this.wanted.selection, lines);
    for (const { place, ps, isHit, isContinuation } of passing.toReversed()) {
      if (this.isComplete()) return;
      const isWanted = isHit && this.missing > 0;
      if (isWanted) this.missing -= 1;
      // A copy: held lines must not hold on to their blocks.
      const bytes = Buffer.from(lines.subarray(place.start, place.end));
      const placed = { order: this.order, at: { segment, offset: offset + place.start }, bytes };
      this.order -= 1;
      for (const taken of this.picker.pass({ place: placed, ps, isHit: isWanted, isContinuation })) {
        this.taken.push(taken);
        this.bytes += taken.bytes.length;
      }
    }
  }

  result(): LastLines {
    const sorted = this.taken.toSorted((a, b) => a.order - b.order);
    const isCut = this.bytes >= ANSWER_BYTES_MAX;
    return { lines: Buffer.concat(sorted.map(({ bytes }) => bytes)), start: sorted[0]?.at, isCut };
  }
}
