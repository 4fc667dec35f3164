/** The one who writes segments: appends batches, begins a new segment when the old one is full, keeps the index beside
 *  it, and asks for `fdatasync` at most once a second while there is something to sync. What fails is cut off again, so
 *  that `size` is always the end of the last whole batch. */
import { ftruncateSync } from "node:fs";
import { constants, open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import type { Batch } from "./batch.ts";
import { BlockBuilder, encodeRecord } from "./block-index.ts";
import type { Block } from "./block-index.ts";
import { QUICK_BYTES_MAX, writeAt, writeNow } from "./quick-io.ts";
import type { Position, SegmentFiles } from "./segment-files.ts";
import { indexName, segmentName, segmentUs, syncDirectory } from "./segment-files.ts";

export const SEGMENT_BYTES = 64 * 1024 * 1024;
const SYNC_EVERY_MS = 1000;
/** Of a batch that is kept for those who follow. */
const RECENT_BYTES_MAX = 64 * 1024;

/** Where the recovery left the newest segment. */
export interface WriterStart {
  segments: string[];
  size: number;
  /** Bytes of the index that are right. */
  indexSize: number;
  builder: BlockBuilder;
  /** Whether nothing may be appended to it. */
  isSealed: boolean;
}

export interface WriterOptions {
  clock: Clock;
  segmentBytes: number;
  /** Told when a new segment has begun, and each time the newest has grown by so much. */
  onGrown: () => void;
  growthBytes: number;
}

export class SegmentWriter {
  /** Oldest first; the last one is being written. Retention takes the first ones away. */
  readonly segments: string[];
  /** The end of what is stored in the newest segment. */
  size: number;
  /** What was stored last, where that is not much. */
  recent: { at: Position; lines: Buffer } | undefined;
  private readonly files: SegmentFiles;
  private readonly clock: Clock;
  private readonly segmentBytes: number;
  private readonly onGrown: () => void;
  private readonly growthBytes: number;
  private isSealed: boolean;
  private builder: BlockBuilder;
  private indexSize: number;
  private data: FileHandle | undefined;
  private index: FileHandle | undefined;
  private isDirty = false;
  /** Runs while something is to be synced: waits its second, then syncs. */
  private syncing: Promise<void> | undefined;
  /** The `fdatasync` under way; the file is not closed under it. */
  private syncCall: Promise<void> | undefined;
  private readonly stop = new AbortController();

  constructor(start: WriterStart, files: SegmentFiles, options: WriterOptions) {
    this.segments = start.segments;
    this.size = start.size;
    this.builder = start.builder;
    this.isSealed = start.isSealed;
    this.indexSize = start.indexSize;
    this.files = files;
    this.clock = options.clock;
    this.segmentBytes = options.segmentBytes;
    this.onGrown = options.onGrown;
    this.growthBytes = options.growthBytes;
  }

  get position(): Position {
    return { segment: this.segments.at(-1) ?? "", offset: this.size };
  }

  /** Opens the segment that a batch of this size goes to, a new one when it would not fit. */
  async prepare(bytes: number, firstUs: number): Promise<Position> {
    const newest = this.segments.at(-1);
    if (newest === undefined || this.isSealed || (this.size > 0 && this.size + bytes > this.segmentBytes)) {
      await this.roll(firstUs, newest);
    } else this.data ??= await this.openData(newest, 0);
    return this.position;
  }

  private async roll(firstUs: number, newest: string | undefined): Promise<void> {
    if (newest !== undefined) await this.seal(newest);
    // Lines may share a stamp, segments may not share a name.
    const us = newest === undefined ? firstUs : Math.max(firstUs, (segmentUs(newest) ?? 0) + 1);
    const name = segmentName(us);
    this.data = await this.openData(name, constants.O_CREAT | constants.O_TRUNC);
    this.segments.push(name);
    this.isSealed = false;
    this.size = 0;
    this.indexSize = 0;
    this.builder = new BlockBuilder(0);
    // Where a directory cannot be synced, a power cut costs that much.
    await syncDirectory(this.files.dir).catch(() => undefined);
    this.onGrown();
  }

  private async openData(segment: string, flags: number): Promise<FileHandle> {
    const handle = await open(join(this.files.dir, segment), constants.O_WRONLY | flags, 0o600);
    // Followers come back to the newest segment with every batch.
    this.files.acquire(segment);
    return handle;
  }

  private async seal(segment: string): Promise<void> {
    await this.sync();
    const block = this.builder.close();
    if (block !== undefined) await this.writeIndex(segment, [block]);
    await this.closeFiles(segment);
  }

  private async closeFiles(segment: string): Promise<void> {
    const { data, index } = this;
    this.data = undefined;
    this.index = undefined;
    await this.syncCall;
    await index?.close();
    if (data === undefined) return;
    await data.close();
    await this.files.release(segment);
  }

  /** Whether so many bytes need nothing but to be written: no new segment, and no block of the index ends with them. */
  hasPlaceFor(bytes: number): boolean {
    if (this.data === undefined || this.isSealed || bytes > QUICK_BYTES_MAX) return false;
    return (this.size === 0 || this.size + bytes <= this.segmentBytes) && !this.builder.isFullWith(bytes);
  }

  /** `append` within this turn of the event loop, where there is a place; `noteAppended` comes next. */
  appendNow(batch: Batch): void {
    const { data } = this;
    if (data === undefined) throw new Error("append without prepare");
    const bytes = batch.sink.written();
    try {
      writeNow(data, bytes, this.size);
    } catch (error) {
      ftruncateSync(data.fd, this.size);
      throw error;
    }
    this.grow(bytes);
  }

  /** What was appended at once comes into the index. */
  noteAppended(batch: Batch): void {
    this.addBlocks(batch);
    this.tellGrowth(batch.sink.length);
  }

  /** Writes the whole batch at `size`, or nothing. `prepare` came before. */
  async append(batch: Batch): Promise<void> {
    const { data } = this;
    if (data === undefined) throw new Error("append without prepare");
    const bytes = batch.sink.written();
    try {
      await writeAt(data, bytes, this.size);
    } catch (error) {
      await data.truncate(this.size);
      throw error;
    }
    this.grow(bytes);
    const closed = this.addBlocks(batch);
    const segment = this.segments.at(-1);
    if (closed.length > 0 && segment !== undefined) await this.writeIndex(segment, closed);
    this.tellGrowth(bytes.length);
  }

  private tellGrowth(bytes: number): void {
    const steps = Math.floor(this.size / this.growthBytes) - Math.floor((this.size - bytes) / this.growthBytes);
    if (steps > 0) this.onGrown();
  }

  private grow(bytes: Buffer): void {
    this.recent = bytes.length > RECENT_BYTES_MAX ? undefined : { at: this.position, lines: Buffer.from(bytes) };
    this.size += bytes.length;
  }

  /** Of what was written.
   *  @returns the blocks that end with it */
  private addBlocks(batch: Batch): Block[] {
    this.isDirty = true;
    this.syncing ??= this.syncLater();
    const closed: Block[] = [];
    for (const run of batch.runs) {
      const block = this.builder.add(run);
      if (block !== undefined) closed.push(block);
    }
    return closed;
  }

  /** A record that could not be written leaves a gap at which readers stop to trust the index: slower, never wrong. */
  private async writeIndex(segment: string, blocks: readonly Block[]): Promise<void> {
    const records = Buffer.concat(blocks.map((block) => encodeRecord(block, segment)));
    try {
      this.index ??= await open(
        join(this.files.dir, indexName(segment)),
        constants.O_WRONLY | constants.O_CREAT,
        0o600,
      );
      await writeAt(this.index, records, this.indexSize);
    } catch {
      return;
    } finally {
      this.indexSize += records.length;
    }
  }

  private async syncLater(): Promise<void> {
    await this.clock.sleep(SYNC_EVERY_MS, this.stop.signal);
    // A sync that fails has nothing to be undone; the next batch asks again.
    await this.sync().catch(() => undefined);
    this.syncing = this.isDirty && !this.stop.signal.aborted ? this.syncLater() : undefined;
  }

  /** Puts what is stored on the disk now. */
  async sync(): Promise<void> {
    this.isDirty = false;
    const call = this.data?.datasync();
    this.syncCall = call?.catch(() => undefined);
    await call;
  }

  async close(): Promise<void> {
    this.stop.abort();
    await this.syncing;
    await this.sync().catch(() => undefined);
    const segment = this.segments.at(-1);
    if (segment !== undefined) await this.closeFiles(segment);
  }
}
