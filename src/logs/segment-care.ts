/** Looks after the segments that grow no more: derives from each what makes reading quick, and compresses those whose
 *  last line is old, or that are in the way of newer ones. One step at a time, in the background thread; killed at any point, what there is stays right. */
import { readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { inBackground } from "./background.ts";
import { BlockTable } from "./block-index.ts";
import { ifThere } from "./if-there.ts";
import { KEEP_ALL } from "./retention.ts";
import { readRollup } from "./rollup.ts";
import {
  bytesOf,
  compressedName,
  indexName,
  rollupName,
  segmentUs,
  signatureName,
  syncDirectory,
} from "./segment-files.ts";
import type { SegmentFiles } from "./segment-files.ts";
import { loadIndex } from "./segment-index.ts";
import type { SegmentJob } from "./segment-worker.ts";
import { signedBlocks } from "./signature.ts";

/** So often the newest segment is looked at as it grows. */
export const SIGN_EVERY_BYTES = 16 * 1024 * 1024;
/** A smaller segment is read through as quickly, and its disk blocks are few. */
export const CARE_BYTES_MIN = 1024 * 1024;
/** Timers end at 24 days. */
const SLEEP_MS_MAX = 24 * 3_600_000;

export interface CareParts {
  dir: string;
  files: SegmentFiles;
  clock: Clock;
  /** Those of the writer, oldest first: the last one is being written. */
  segments: readonly string[];
  bytesMin: number;
  /** Runs while nobody removes segments. */
  exclusively: (work: () => Promise<void>) => Promise<void>;
  onFault: (error: unknown) => void;
}

export class SegmentCare {
  /** From half of `bytesMax` on the oldest are compressed, however new they are: before any must go. */
  policy = KEEP_ALL;
  private readonly parts: CareParts;
  /** Segments that have what is derived from them. */
  private readonly derived = new Set<string>();
  private readonly stop = new AbortController();
  private running: Promise<void> | undefined;
  private isAsked = false;
  private pause = new AbortController();
  private waiting: Promise<void> | undefined;

  constructor(parts: CareParts) {
    this.parts = parts;
  }

  /** Looks in its own time; asked while it looks, it looks once more. */
  check(): void {
    if (this.stop.signal.aborted) return;
    this.isAsked = true;
    this.running ??= this.run();
  }

  /** Resolves when it has looked at everything. */
  async done(): Promise<void> {
    while (this.running !== undefined) await this.running;
  }

  private async run(): Promise<void> {
    while (this.isAsked && !this.stop.signal.aborted) {
      this.isAsked = false;
      await this.look();
    }
    this.running = undefined;
    this.waitForNext();
  }

  private async look(): Promise<void> {
    const { segments } = this.parts;
    let tooMuch = await this.bytesTooMuch();
    for (const segment of segments.slice(0, -1)) {
      await this.attempt(segment, async () => {
        await this.derive(segment);
        if (this.dueInMs(segment) <= 0 || tooMuch > 0) tooMuch -= await this.compress(segment);
      });
    }
    const newest = segments.at(-1);
    if (newest !== undefined) await this.attempt(newest, () => this.signNewest(newest));
  }

  /** What fails is tried again at the next look. One that retention removed meanwhile is no fault. */
  private async attempt(segment: string, work: () => Promise<void>): Promise<void> {
    if (this.stop.signal.aborted) return;
    try {
      await work();
    } catch (error) {
      if (!this.stop.signal.aborted && this.parts.segments.includes(segment)) this.parts.onFault(error);
    }
  }

  /** The signature of what is there, so that a search has little of it to look through. */
  private async signNewest(segment: string): Promise<void> {
    const { dir } = this.parts;
    const index = await readFile(join(dir, indexName(segment))).catch(() => Buffer.alloc(0));
    const blocks = BlockTable.decode(index, segment, Number.POSITIVE_INFINITY);
    const signed = await signedBlocks(dir, segment, blocks);
    const unsigned = blocks.length === signed ? 0 : blocks.covered - (signed === 0 ? 0 : blocks.at(signed).offset);
    if (unsigned >= Math.max(SIGN_EVERY_BYTES, this.parts.bytesMin))
      await this.make({ kind: "sign", dir, segment }, signatureName(segment));
  }

  private async bytesTooMuch(): Promise<number> {
    const { bytesMax, hotMs } = this.policy;
    if (hotMs === undefined || !Number.isFinite(hotMs) || !Number.isFinite(bytesMax)) return 0;
    const sizes = await bytesOf(this.parts.dir, this.parts.segments);
    return sizes.reduce((sum, size) => sum + size, 0) - bytesMax / 2;
  }

  /** Until its last line, which is not newer than the first of the next segment, is old enough. */
  private dueInMs(segment: string): number {
    const { segments, clock } = this.parts;
    const { hotMs = Number.POSITIVE_INFINITY } = this.policy;
    const next = segments[segments.indexOf(segment) + 1];
    const us = next === undefined ? undefined : segmentUs(next);
    return us === undefined ? Number.POSITIVE_INFINITY : us / 1000 + hotMs - clock.now();
  }

  /** What is not there yet: an index first, since the rest is derived from it. */
  private async derive(segment: string): Promise<void> {
    const { dir } = this.parts;
    if (this.derived.has(segment)) return;
    const missing = await this.parts.files.use(segment, async (source) => {
      const size = await source.size();
      if (size < this.parts.bytesMin) return [];
      const blocks = await loadIndex({ dir, segment, source, size, isSealed: true, isReadOnly: false }, true);
      const isSigned = (await signedBlocks(dir, segment, blocks)) === blocks.length;
      const isCounted = (await readRollup(dir, segment, blocks)) !== undefined;
      return [...(isSigned ? [] : (["sign"] as const)), ...(isCounted ? [] : (["count"] as const))];
    });
    for (const kind of missing)
      await this.make({ kind, dir, segment }, kind === "sign" ? signatureName(segment) : rollupName(segment));
    this.derived.add(segment);
  }

  /** How many bytes it takes less then. */
  private async compress(segment: string): Promise<number> {
    const { dir, bytesMin } = this.parts;
    const size = await sizeOf(join(dir, segment));
    if (size < bytesMin) return 0;
    await this.make({ kind: "compress", dir, segment }, compressedName(segment));
    await syncDirectory(dir);
    await this.exclusively(segment, () => rm(join(dir, segment), { force: true }));
    return size - (await sizeOf(join(dir, compressedName(segment))));
  }

  /** Has the job done, and gives the file that it leaves its name. */
  private async make(job: SegmentJob, name: string): Promise<void> {
    const path = join(job.dir, name);
    try {
      await inBackground(job, this.stop.signal);
      await this.exclusively(job.segment, () => rename(`${path}.tmp`, path));
    } finally {
      await rm(`${path}.tmp`, { force: true });
    }
  }

  /** Not when retention has removed the segment, and not while it does. */
  private exclusively(segment: string, work: () => Promise<void>): Promise<void> {
    const { exclusively, segments } = this.parts;
    return exclusively(async () => {
      if (segments.includes(segment)) await work();
    });
  }

  /** One timer for the segment that is due next; none while all there is stays as it is. */
  private waitForNext(): void {
    this.pause.abort();
    const due = this.parts.segments.slice(0, -1).map((segment) => this.dueInMs(segment));
    const next = Math.min(...due.filter((ms) => ms > 0));
    if (!Number.isFinite(next) || this.stop.signal.aborted) return;
    const pause = new AbortController();
    this.pause = pause;
    this.waiting = this.parts.clock.sleep(Math.min(next, SLEEP_MS_MAX), pause.signal).then(() => {
      if (!pause.signal.aborted) this.check();
    });
  }

  async close(): Promise<void> {
    this.stop.abort();
    this.pause.abort();
    await this.waiting;
    await this.running;
  }
}

/** Nothing where there is no such file. */
async function sizeOf(path: string): Promise<number> {
  return (await ifThere(stat(path)))?.size ?? 0;
}
