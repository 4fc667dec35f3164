/** Counts lines by minute, process, source, release and level, from their heads as bytes. */
import { HeadReader } from "./head-reader.ts";
import { PS_AT, STAMP_AT } from "./line-head.ts";

export interface LineCount {
  ps: string;
  source: string;
  /** Undefined when the lines name none. */
  release: number | undefined;
  level: string | undefined;
  lines: number;
}

export interface MinuteCounts {
  /** `2011-06-19T08:35`, in UTC. */
  minute: string;
  counts: LineCount[];
}

const NEWLINE = 10;
/** `2011-06-19T08:35` */
const MINUTE_BYTES = 16;

/** Heads that are equal but for the time, in the minute that is counted. */
interface Cell {
  count: LineCount;
  head: Buffer;
  minute: number;
}

export class MinuteCounter {
  private readonly head = new HeadReader();
  private readonly cells = new Map<number, Cell[]>();
  private readonly done: MinuteCounts[] = [];
  private current: MinuteCounts | undefined;
  private currentBytes = Buffer.alloc(MINUTE_BYTES);

  /** Whole lines in their order. A line of another form is not counted. */
  add(lines: Buffer): void {
    const { head } = this;
    for (let start = 0; start < lines.length;) {
      const end = lines.indexOf(NEWLINE, start) + 1;
      if (end === 0) return;
      if (head.read(lines, start, end)) {
        if (!this.isCurrent(lines, start + STAMP_AT)) this.begin(lines, start + STAMP_AT);
        this.cellOf(lines, start + PS_AT, head.messageAt).count.lines += 1;
      }
      start = end;
    }
  }

  private isCurrent(lines: Buffer, at: number): boolean {
    const { currentBytes } = this;
    if (this.current === undefined) return false;
    for (let index = MINUTE_BYTES - 1; index >= 0; index -= 1)
      if (lines[at + index] !== currentBytes[index]) return false;
    return true;
  }

  private begin(lines: Buffer, at: number): void {
    this.currentBytes = Buffer.from(lines.subarray(at, at + MINUTE_BYTES));
    this.current = { minute: this.currentBytes.toString("latin1"), counts: [] };
    this.done.push(this.current);
  }

  private cellOf(lines: Buffer, from: number, to: number): Cell {
    let hash = 0x811c9dc5;
    for (let at = from; at < to; at += 1) hash = Math.imul(hash ^ (lines[at] as number), 0x01000193);
    const sameHash = this.cells.get(hash) ?? [];
    let cell = sameHash.find(({ head }) => lines.compare(head, 0, head.length, from, to) === 0);
    if (cell === undefined) {
      cell = { count: this.countOf(lines, from), head: Buffer.from(lines.subarray(from, to)), minute: -1 };
      sameHash.push(cell);
      this.cells.set(hash, sameHash);
    }
    if (cell.minute === this.done.length) return cell;
    cell.minute = this.done.length;
    cell.count = { ...cell.count, lines: 0 };
    this.current?.counts.push(cell.count);
    return cell;
  }

  private countOf(lines: Buffer, from: number): LineCount {
    const { psEnd, sourceAt, sourceEnd, release, levelAt, levelEnd } = this.head;
    return {
      ps: lines.toString("latin1", from, psEnd),
      source: lines.toString("latin1", sourceAt, sourceEnd),
      release: release === 0 ? undefined : release,
      level: levelEnd > levelAt ? lines.toString("latin1", levelAt, levelEnd) : undefined,
      lines: 0,
    };
  }

  /** In the order in which they came; a minute may come twice where somebody's hand moved lines. */
  get minutes(): readonly MinuteCounts[] {
    return this.done;
  }
}

/** Adds the counts of the same minute. */
export function mergeMinutes(a: MinuteCounts, b: MinuteCounts): MinuteCounts {
  const counts = new Map<string, LineCount>();
  for (const count of [...a.counts, ...b.counts]) {
    const key = JSON.stringify([count.ps, count.source, count.release, count.level]);
    const known = counts.get(key);
    counts.set(key, known === undefined ? count : { ...known, lines: known.lines + count.lines });
  }
  return { minute: a.minute, counts: [...counts.values()] };
}
