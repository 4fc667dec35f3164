/** The process names that occur in the newest segments. Each segment is read once, then only what was added to it. */
import { ifThere } from "./if-there.ts";
import type { Snapshot } from "./query.ts";
import { PS_AT } from "./line-head.ts";
import { readLines } from "./scan-blocks.ts";
import type { SegmentFiles } from "./segment-files.ts";

/** Names in older segments are forgotten; 256 MiB take about a second to read for the first time. */
const SEGMENTS_MAX = 4;
const NEWLINE = 10;
const QUOTE = 0x22;
const NAME = /^[\w.-]{1,160}$/;

interface Known {
  scanned: number;
  names: Set<string>;
}

export class ProcessNames {
  private readonly files: SegmentFiles;
  private readonly known = new Map<string, Known>();

  constructor(files: SegmentFiles) {
    this.files = files;
  }

  /** Sorted. */
  async list({ segments, end }: Snapshot): Promise<string[]> {
    const newest = segments.slice(-SEGMENTS_MAX);
    for (const segment of this.known.keys()) if (!newest.includes(segment)) this.known.delete(segment);
    const names = new Set<string>();
    for (const segment of newest) {
      const found = await this.scan(segment, segment === end.segment ? end.offset : undefined);
      for (const name of found) names.add(name);
    }
    return [...names].sort();
  }

  private async scan(segment: string, size: number | undefined): Promise<ReadonlySet<string>> {
    const known = this.known.get(segment) ?? { scanned: 0, names: new Set() };
    this.known.set(segment, known);
    const scanned = this.files.use(segment, async (source) => {
      const end = size ?? (await source.size());
      // Others may be at it too: each of them knows for itself where its next line begins.
      for (let at = known.scanned; at < end; at = Math.max(at, known.scanned)) {
        const lines = await readLines(source, at, end);
        if (lines.length === 0) return;
        addNames(lines, known.names);
        at += lines.length;
        known.scanned = Math.max(at, known.scanned);
      }
    });
    await ifThere(scanned);
    return known.names;
  }
}

function addNames(lines: Buffer, names: Set<string>): void {
  let last: Buffer = Buffer.alloc(0);
  for (let at = 0; at < lines.length; at = lines.indexOf(NEWLINE, at) + 1) {
    const start = at + PS_AT;
    if (last.length > 0 && lines.compare(last, 0, last.length, start, start + last.length) === 0) continue;
    const quote = lines.indexOf(QUOTE, start);
    if (quote === -1) return;
    const name = lines.toString("latin1", start, quote);
    // Anything may stand in a line that somebody wrote by hand.
    if (NAME.test(name)) names.add(name);
    last = lines.subarray(start, quote + 1);
  }
}
