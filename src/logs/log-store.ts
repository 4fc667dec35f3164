/** The log of one app: one stream of NDJSON records in segments (docs/formats.md, "Log"). Lines of the platform are
 *  appended; the output of processes is read from their spools, each line exactly once, also when this process is
 *  killed at any time. Nothing runs while nothing is written. */
import { mkdir } from "node:fs/promises";
import type { Clock } from "../core/clock.ts";
import type { NewLogLine } from "../core/log-line.ts";
import { SerialQueue } from "../core/serial-queue.ts";
import type { Cursor } from "./cursor-file.ts";
import { countLines } from "./count-lines.ts";
import { CursorFile } from "./cursor-file.ts";
import type { Piece, Stream } from "./follow.ts";
import { Intake } from "./intake.ts";
import { Journal } from "./journal.ts";
import { LineAppender } from "./line-appender.ts";
import { LiveFeed } from "./live-feed.ts";
import type { Take } from "./live-feed.ts";
import type { LogFilter } from "./line-selection.ts";
import { readStored } from "./log-reader.ts";
import type { LogQuery, TakeRest } from "./log-reader.ts";
import type { MinuteCounts } from "./minute-counter.ts";
import { Minutes } from "./minutes.ts";
import type { MinuteRange } from "./minutes.ts";
import { removedLine, resumedLine } from "./own-lines.ts";
import { ProcessNames } from "./process-names.ts";
import type { Snapshot } from "./query.ts";
import { recoverCursors, recoverSegments } from "./recovery.ts";
import { KEEP_ALL, Retention } from "./retention.ts";
import type { RetentionPolicy } from "./retention.ts";
import { SealedSegments } from "./sealed-segments.ts";
import { CARE_BYTES_MIN, SegmentCare, SIGN_EVERY_BYTES } from "./segment-care.ts";
import { SegmentFiles } from "./segment-files.ts";
import { SEGMENT_BYTES, SegmentWriter } from "./segment-writer.ts";
import type { SpoolSource } from "./spool.ts";
import { Stamper } from "./stamper.ts";
import { tailStream, tailTo } from "./tail.ts";
import type { TailQuery } from "./tail.ts";

export type { RetentionPolicy } from "./retention.ts";
export type { MinuteCounts } from "./minute-counter.ts";
export type { MinuteRange } from "./minutes.ts";
export type { LogFilter } from "./line-selection.ts";
export type { LogQuery } from "./log-reader.ts";
export type { LogRest } from "./read-threads.ts";
export type { TailQuery } from "./tail.ts";
export type { SpoolSource } from "./spool.ts";

export interface LogStoreOptions {
  /** Created when it does not exist. */
  dir: string;
  clock: Clock;
  segmentBytes?: number;
  /** How much of a spool is read before its disk blocks are given back. */
  punchBytes?: number;
  /** Everything is kept unless told otherwise. */
  retention?: RetentionPolicy;
  /** Sealed segments that are smaller stay as they are. */
  careBytesMin?: number;
  /** Told of a segment that is about to be removed, and of the next one; its lines are there until it resolves. */
  beforeRemoval?: (segment: string, next: string) => Promise<void>;
  /** Told of segments that cannot be removed or compressed. */
  onFault?: (error: unknown) => void;
}

export class LogStore {
  private readonly files: SegmentFiles;
  private readonly writer: SegmentWriter;
  private readonly cursorFile: CursorFile;
  private readonly journal: Journal;
  private readonly intake: Intake;
  private readonly appender: LineAppender;
  private readonly names: ProcessNames;
  private readonly minutes: Minutes;
  private readonly retention: Retention;
  private readonly care: SegmentCare;
  private readonly stream: Stream;
  private readonly feed: LiveFeed;
  private closing: Promise<void> | undefined;
  private isClosing = false;
  private isClosed = false;

  private constructor(options: LogStoreOptions, parts: OpenParts) {
    const { clock } = options;
    const { writer, cursorFile, cursors, files, grown } = parts;
    const stamper = new Stamper(clock, parts.lastUs);
    this.files = files;
    this.writer = writer;
    this.cursorFile = cursorFile;
    this.names = new ProcessNames(files);
    this.minutes = new Minutes(files);
    const append = (line: NewLogLine): void => this.append(line);
    this.journal = new Journal({
      writer,
      cursorFile,
      cursors,
      clock,
      onStored: () => this.feed.pass(),
      onResumed: (ms, why) => this.append(resumedLine(ms, why)),
    });
    this.appender = new LineAppender(this.journal, stamper);
    const { dir, onFault = () => undefined, careBytesMin = CARE_BYTES_MIN, retention = KEEP_ALL } = options;
    const turns = new SerialQueue();
    const exclusively = (work: () => Promise<void>): Promise<void> => turns.run(work);
    const shared = { dir, clock, segments: writer.segments, exclusively, onFault };
    this.retention = new Retention({
      ...shared,
      beforeRemoval: options.beforeRemoval ?? (() => Promise.resolve()),
      onRemoved: (oldest, count) => this.append(removedLine(oldest, count)),
    });
    this.care = new SegmentCare({ ...shared, files, bytesMin: careBytesMin });
    grown.listener = () => this.lookAfter();
    this.retain(retention);
    this.stream = this.asStream();
    this.feed = new LiveFeed(this.stream);
    this.intake = new Intake({
      journal: this.journal,
      clock,
      cursors,
      stamper,
      append,
      sync: async () => {
        await writer.sync();
        await cursorFile.sync();
      },
      punchBytes: options.punchBytes,
    });
  }

  /** Recovers what the last writer left. One store at a time may have the directory open. */
  static async open(options: LogStoreOptions): Promise<LogStore> {
    const { dir, clock, segmentBytes = SEGMENT_BYTES } = options;
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const recovered = await recoverSegments(dir);
    const { file, state } = await CursorFile.open(dir);
    const files = new SegmentFiles(dir);
    const grown: Grown = { listener: () => undefined };
    return new LogStore(options, {
      files,
      writer: new SegmentWriter(recovered, files, {
        clock,
        segmentBytes,
        growthBytes: SIGN_EVERY_BYTES,
        onGrown: () => grown.listener(),
      }),
      grown,
      cursorFile: file,
      cursors: await recoverCursors(dir, state),
      lastUs: recovered.lastUs,
    });
  }

  /** Stamps the line now; it is stored at the end of this turn of the event loop. Text of several lines becomes several. */
  append(line: NewLogLine): void {
    if (!this.isClosing) this.appender.append(line);
  }

  /** Resolves when everything appended so far is stored.
   *  @throws AppError unavailable when the store closes before that. */
  flushed(): Promise<void> {
    return this.journal.flushed();
  }

  /** From now on removes what is too old or too much, and compresses what is no longer hot. */
  retain(policy: RetentionPolicy): void {
    this.retention.policy = policy;
    this.care.policy = policy;
    this.lookAfter();
  }

  private lookAfter(): void {
    this.retention.check();
    this.care.check();
  }

  /** Resolves when what is due is derived and compressed. */
  caredFor(): Promise<void> {
    return this.care.done();
  }

  /** How many bytes a second the app's processes may print in the long run; no limit until it is told. What is more waits
   *  in the spools, and of what is too much the oldest lines are dropped, counted and told of (L12). */
  limit(bytesPerSecond: number): void {
    this.intake.bytesPerSecond = bytesPerSecond;
  }

  /** Begins to read a spool where the last reader of this id stopped. */
  attach(source: SpoolSource): void {
    this.intake.attach(source);
  }

  /** The process is gone: resolves when everything it wrote is stored, with a last line that has no newline; then the
   *  file may be removed.
   *  @throws AppError unavailable when the store closes before that: attach and finish again later. */
  finish(id: string): Promise<void> {
    return this.intake.finish(id);
  }

  /** The last `lines` lines that match, as NDJSON, oldest first. */
  async query(filter: LogFilter, lines: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for await (const piece of this.read({ ...filter, lines }, new AbortController().signal))
      pieces.push(Buffer.from(piece));
    return Buffer.concat(pieces);
  }

  /** Stored lines as whole NDJSON lines, oldest first, in pieces that are good until the next is asked for; ends early when the
   *  signal aborts, or where `leave` got the rest.
   *  @throws AppError invalid_params for a pattern that is none or takes too long. */
  async *read(query: LogQuery, signal: AbortSignal, leave?: TakeRest): AsyncGenerator<Buffer, void, undefined> {
    await this.journal.settled();
    yield* readStored({ files: this.files, snapshot: this.snapshot(), signal, leave }, query);
  }

  /** How many stored lines there are that the filter takes.
   *  @throws AppError as `read`. */
  async count(filter: LogFilter, signal: AbortSignal): Promise<number> {
    await this.journal.settled();
    return countLines({ files: this.files, snapshot: this.snapshot(), signal }, filter);
  }

  /** What is stored, then every new line, as whole NDJSON lines; ends when the signal aborts or the store closes.
   *  @throws AppError as `read`, and invalid_params for a place that is none of this stream. */
  async *tail(query: TailQuery, signal: AbortSignal): AsyncGenerator<Piece, void, undefined> {
    await this.journal.settled();
    yield* tailStream(this.stream, this.snapshot(), query, signal);
  }

  /** The same, given to one who takes it: of new lines no more is done for each of many than to give them.
   *  @throws AppError as `tail`. */
  async follow(query: TailQuery, take: Take, signal: AbortSignal): Promise<void> {
    await this.journal.settled();
    await tailTo({ stream: this.stream, feed: this.feed, snapshot: this.snapshot() }, query, take, signal);
  }

  /** The names of all processes with lines in the newest segments, sorted. */
  async processNames(): Promise<string[]> {
    await this.journal.settled();
    return this.names.list(this.snapshot());
  }

  /** How many lines each minute has by process, source, release and level: those minutes that have a moment of the range,
   *  in order; ends early when the signal aborts. */
  async *countByMinute(range: MinuteRange, signal: AbortSignal): AsyncGenerator<MinuteCounts, void, undefined> {
    await this.journal.settled();
    yield* this.minutes.read(this.snapshot(), range, signal);
  }

  /** The segments that will not change any more. */
  sealed(): SealedSegments {
    return new SealedSegments(this.files, this.snapshot());
  }

  /** Stores what is appended, puts it on the disk and stops; spools keep what was not read. */
  close(): Promise<void> {
    this.closing ??= this.stop();
    return this.closing;
  }

  private async stop(): Promise<void> {
    await this.intake.close();
    await this.retention.close();
    await this.care.close();
    this.isClosing = true;
    await this.journal.close();
    this.isClosed = true;
    await this.writer.close();
    await this.cursorFile.close();
    this.journal.attempted.fire();
  }

  private asStream(): Stream {
    const { files, journal, writer } = this;
    return {
      files,
      changed: journal.attempted,
      segments: () => writer.segments,
      end: () => writer.position,
      recent: () => writer.recent,
      isClosed: () => this.isClosed,
    };
  }

  private snapshot(): Snapshot {
    return { segments: [...this.writer.segments], end: this.writer.position };
  }
}

/** The writer is made before the store that wants to be told. */
interface Grown {
  listener: () => void;
}

interface OpenParts {
  grown: Grown;
  files: SegmentFiles;
  writer: SegmentWriter;
  cursorFile: CursorFile;
  cursors: Map<string, Cursor>;
  lastUs: number;
}
