/** Lines by minute of a whole stream: from the rollups of sealed segments, the rest by counting. What was counted of the
 *  newest segment is kept, so that only what is new is counted again. */
import { ifThere } from "./if-there.ts";
import { MinuteCounter, mergeMinutes } from "./minute-counter.ts";
import type { MinuteCounts } from "./minute-counter.ts";
import { segmentsWithin } from "./query.ts";
import type { Snapshot } from "./query.ts";
import { readRollup } from "./rollup.ts";
import { readLines } from "./scan-blocks.ts";
import type { SegmentFiles } from "./segment-files.ts";
import { loadIndex } from "./segment-index.ts";
import type { SegmentToRead } from "./segment-index.ts";
import { formatStamp } from "../core/log-line.ts";

/** Microseconds; whole minutes are given, those that have a moment of the range. */
export interface MinuteRange {
  sinceUs?: number | undefined;
  untilUs?: number | undefined;
}

function isWithin(minute: string, { sinceUs, untilUs }: MinuteRange): boolean {
  if (sinceUs !== undefined && minute < formatStamp(sinceUs).slice(0, MINUTE_LENGTH)) return false;
  return untilUs === undefined || minute <= formatStamp(untilUs - 1).slice(0, MINUTE_LENGTH);
}

interface Counted {
  segment: string;
  counter: MinuteCounter;
  end: number;
}

const MINUTE_LENGTH = 16;

export class Minutes {
  private readonly files: SegmentFiles;
  private newest: Counted | undefined;

  constructor(files: SegmentFiles) {
    this.files = files;
  }

  /** Minutes with lines, in order. Lines whose form is not the platform's are not counted. */
  async *read({ segments, end }: Snapshot, range: MinuteRange, signal: AbortSignal): AsyncGenerator<MinuteCounts> {
    let open: MinuteCounts | undefined;
    for (const segment of segmentsWithin(segments, range.sinceUs, range.untilUs)) {
      if (signal.aborted) return;
      for (const next of await this.ofSegment(segment, end, signal)) {
        if (!isWithin(next.minute, range)) continue;
        if (open?.minute === next.minute) open = mergeMinutes(open, next);
        else {
          if (open !== undefined) yield open;
          open = next;
        }
      }
    }
    if (open !== undefined) yield open;
  }

  private async ofSegment(
    segment: string,
    end: Snapshot["end"],
    signal: AbortSignal,
  ): Promise<readonly MinuteCounts[]> {
    const { dir, isReadOnly } = this.files;
    const isSealed = segment !== end.segment;
    const found = this.files.use(segment, async (source) => {
      const size = isSealed ? await source.size() : end.offset;
      const target = { dir, segment, source, size, isSealed, isReadOnly };
      const stored = isSealed ? await readRollup(dir, segment, await loadIndex(target, true)) : undefined;
      return stored ?? (await this.count(target, signal));
    });
    return (await ifThere(found)) ?? [];
  }

  private async count(
    { segment, source, size, isSealed }: SegmentToRead,
    signal: AbortSignal,
  ): Promise<MinuteCounts[]> {
    const known = !isSealed && this.newest?.segment === segment ? this.newest : undefined;
    const counted = known ?? { segment, counter: new MinuteCounter(), end: 0 };
    if (!isSealed) this.newest = counted;
    while (!signal.aborted && counted.end < size) {
      const from = counted.end;
      const lines = await readLines(source, from, size);
      if (lines.length === 0) break;
      // Somebody else who counts the same may have come further meanwhile.
      if (counted.end !== from) continue;
      counted.end += lines.length;
      counted.counter.add(lines);
    }
    return counted.counter.minutes.map(({ minute, counts }) => ({
      minute,
      counts: counts.map((count) => ({ ...count })),
    }));
  }
}
