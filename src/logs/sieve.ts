/** Lets lines through as they pass in order: the selected ones, with their context where that is wanted. */
import { ContextPicker } from "./context-picker.ts";
import { copyLines } from "./line-matcher.ts";
import type { LineSelection } from "./line-selection.ts";
import { passingLines } from "./passing-lines.ts";

const NOTHING = Buffer.alloc(0);

export class Sieve {
  readonly selection: LineSelection;
  readonly context: number;
  private readonly picker: ContextPicker<Buffer>;

  constructor(selection: LineSelection, context: number) {
    this.selection = selection;
    this.context = context;
    this.picker = new ContextPicker(context, "forward");
  }

  /** Of whole lines those that are let through, at most so many hits of them. */
  async sift(lines: Buffer, hitsMax = Number.POSITIVE_INFINITY): Promise<Buffer> {
    if (lines.length === 0) return NOTHING;
    if (this.context > 0) return this.siftWithContext(lines);
    if (this.selection.matchesAll && hitsMax === Number.POSITIVE_INFINITY) return lines;
    return copyFound(lines, (await this.selection.select(lines)).slice(0, hitsMax * 2));
  }

  /** `sift` for what needs neither a thread nor context. */
  siftNow(lines: Buffer): Buffer {
    return this.selection.matchesAll ? lines : copyFound(lines, this.selection.selectNow(lines));
  }

  private async siftWithContext(lines: Buffer): Promise<Buffer> {
    const taken: Buffer[] = [];
    for (const passing of await passingLines(this.selection, lines)) {
      const { start, end } = passing.place;
      const bytes = Buffer.from(lines.subarray(start, end));
      taken.push(...this.picker.pass({ ...passing, place: bytes }));
    }
    return Buffer.concat(taken);
  }
}

function copyFound(lines: Buffer, found: readonly number[]): Buffer {
  return found.length === 0 ? NOTHING : copyLines(lines, found);
}
