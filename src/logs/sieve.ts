/** Lets lines through as they pass in order: the selected ones, with their context where that is wanted. */
import { ContextPicker } from "./context-picker.ts";
import { copyLines } from "./line-matcher.ts";
import type { LineSelection } from "./line-selection.ts";
import { passingLines } from "./passing-lines.ts";

const NOTHING = Buffer.alloc(0);

export class Sieve {
  readonly selection: LineSelection;
  readonly context: number;
  /** Whether all lines so far are known to begin and end as the store writes them. */
  areOurs = true;
  private readonly picker: ContextPicker<Buffer>;

  constructor(selection: LineSelection, context: number) {
    this.selection = selection;
    this.context = context;
    this.picker = new ContextPicker(context, "forward");
  }

  /** Of whole lines those that are let through; of lines in the area of a borrowed kernel they are there too, until the next are. */
  async sift(lines: Buffer): Promise<Buffer> {
    if (lines.length === 0) return NOTHING;
    if (this.context === 0 && !this.selection.matchesAll) {
      const { bytes, areOurs } = await this.selection.collect(lines);
      this.areOurs &&= areOurs;
      return bytes;
    }
    this.areOurs = false;
    return this.context > 0 ? this.siftWithContext(lines) : lines;
  }

  /** `sift` for what needs neither a thread nor context. */
  siftNow(lines: Buffer): Buffer {
    return this.selection.matchesAll ? lines : copyLines(lines, this.selection.selectNow(lines));
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
