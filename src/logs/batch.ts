/** What one flush writes: records, and where each piece of them came from. */
import { joinAdler32 } from "./adler.ts";
import { ByteSink } from "./byte-sink.ts";
import { BLOCK_BYTES } from "./line-encoder.ts";
import { mergeFacets } from "./facets.ts";

/** Whole lines that follow each other in the segment and have one origin. */
export interface Run {
  /** The spool they came from; undefined for lines that were appended. */
  spool: string | undefined;
  /** The cursor of that spool once they are stored. */
  to: number;
  isLater: boolean;
  /** Whether it is one line that tells of lines of the spool that were passed over. */
  isLoss?: boolean;
  bytes: number;
  lines: number;
  /** Adler-32 of the bytes. */
  sum: number;
  facets: Uint32Array;
  firstUs: number;
  lastUs: number;
}

export class Batch {
  readonly sink: ByteSink;
  readonly runs: Run[] = [];
  /** Whether nobody else has the facets of the last run. */
  private isOwn = false;

  constructor(sink: ByteSink = new ByteSink()) {
    this.sink = sink;
  }

  get isEmpty(): boolean {
    return this.runs.length === 0;
  }

  get firstUs(): number {
    return this.runs[0]?.firstUs ?? 0;
  }

  get isFromSpools(): boolean {
    return this.runs.some((run) => run.spool !== undefined);
  }

  /** The spool, where all is output of one. */
  get loneSpool(): string | undefined {
    const [run] = this.runs;
    return this.runs.length === 1 && run?.isLoss !== true ? run?.spool : undefined;
  }

  /** The bytes are in the sink already. Short runs of one origin become one. */
  add(run: Run): void {
    const last = this.runs.at(-1);
    const isOther = last?.spool !== run.spool || last?.isLoss !== run.isLoss;
    if (last === undefined || isOther || run.isLoss === true || last.bytes + run.bytes > BLOCK_BYTES) {
      this.runs.push({ ...run });
      this.isOwn = false;
      return;
    }
    if (!this.isOwn) last.facets = last.facets.slice();
    this.isOwn = true;
    mergeFacets(last.facets, run.facets);
    last.to = run.to;
    last.isLater = run.isLater;
    last.sum = joinAdler32(last.sum, run.sum, run.bytes);
    last.bytes += run.bytes;
    last.lines += run.lines;
    last.lastUs = run.lastUs;
  }
}
