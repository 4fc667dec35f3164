/** Lines of a buffer as the context picker wants them. */
import type { PassingLine } from "./context-picker.ts";
import { HeadReader, startsAt } from "./head-reader.ts";
import { PS_AT } from "./line-head.ts";
import type { LineSelection } from "./line-selection.ts";

export interface Range {
  start: number;
  end: number;
}

const QUOTE = 0x22;
/** How a line begins that goes on with the one before: frames of Node, Java and Python. Escaped, as it is stored. */
const CONTINUATIONS = [" ", "\\t", "at ", "Caused by", 'File \\"', "... "].map((text) => Buffer.from(text));

/** Every line in the scope of the selection, in order. */
export async function passingLines(selection: LineSelection, lines: Buffer): Promise<PassingLine<Range>[]> {
  const hits = await selection.select(lines);
  const hitStarts = new Set(hits.filter((_, index) => index % 2 === 0));
  const scope = selection.scope.select(lines);
  const head = new HeadReader();
  const passing: PassingLine<Range>[] = [];
  for (let index = 0; index < scope.length; index += 2) {
    const [start, end] = [scope[index] as number, scope[index + 1] as number];
    const psEnd = lines.indexOf(QUOTE, start + PS_AT);
    passing.push({
      place: { start, end },
      ps: lines.toString("latin1", start + PS_AT, Math.min(end, psEnd === -1 ? end : psEnd)),
      isHit: hitStarts.has(start),
      isContinuation:
        head.read(lines, start, end) && CONTINUATIONS.some((text) => startsAt(lines, head.messageAt, text)),
    });
  }
  return passing;
}
