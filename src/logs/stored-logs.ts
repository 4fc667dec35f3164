/** The log of an app that is gone: read as it lies there, nothing is written, not even an index. */
import { countLines } from "./count-lines.ts";
import type { LogFilter } from "./line-selection.ts";
import { readStored } from "./log-reader.ts";
import type { LogQuery, TakeRest } from "./log-reader.ts";
import type { MinuteCounts } from "./minute-counter.ts";
import { Minutes } from "./minutes.ts";
import type { MinuteRange } from "./minutes.ts";
import { ProcessNames } from "./process-names.ts";
import type { Snapshot } from "./query.ts";
import { lineEndBefore } from "./recovery.ts";
import { listSegments, SegmentFiles } from "./segment-files.ts";
import { openSource } from "./segment-source.ts";

export class StoredLogs {
  private readonly files: SegmentFiles;
  private readonly snapshot: Snapshot;

  private constructor(files: SegmentFiles, snapshot: Snapshot) {
    this.files = files;
    this.snapshot = snapshot;
  }

  static async open(dir: string): Promise<StoredLogs> {
    const segments = await listSegments(dir);
    const segment = segments.at(-1) ?? "";
    const offset = segment === "" ? 0 : await wholeBytes(dir, segment);
    return new StoredLogs(new SegmentFiles(dir, { isReadOnly: true }), { segments, end: { segment, offset } });
  }

  /** Whole NDJSON lines, oldest first, in pieces that are good until the next is asked for; ends early when the signal aborts,
   *  or where `leave` got the rest.
   *  @throws AppError invalid_params for a pattern that is none or takes too long. */
  read(query: LogQuery, signal: AbortSignal, leave?: TakeRest): AsyncGenerator<Buffer, void, undefined> {
    return readStored({ files: this.files, snapshot: this.snapshot, signal, leave }, query);
  }

  count(filter: LogFilter, signal: AbortSignal): Promise<number> {
    return countLines({ files: this.files, snapshot: this.snapshot, signal }, filter);
  }

  countByMinute(range: MinuteRange, signal: AbortSignal): AsyncGenerator<MinuteCounts, void, undefined> {
    return new Minutes(this.files).read(this.snapshot, range, signal);
  }

  processNames(): Promise<string[]> {
    return new ProcessNames(this.files).list(this.snapshot);
  }
}

/** Without a last line that a crash has torn. */
async function wholeBytes(dir: string, segment: string): Promise<number> {
  const source = await openSource(dir, segment);
  try {
    return await lineEndBefore(source, await source.size());
  } finally {
    await source.close();
  }
}
