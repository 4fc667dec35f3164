/** Brings records to the disk: gathers them in a batch, writes the batch at the end of the event-loop tick or when it
 *  is large, the intended cursors first. While the disk is full (or fails) the batch waits and is tried again with a
 *  growing pause; spools are not read meanwhile, so their lines stay where they are. */
import { setImmediate as endOfTick } from "node:timers";
import { isDiskFull } from "../core/disk-full.ts";
import { AppError } from "../core/error.ts";
import type { Clock } from "../core/clock.ts";
import { Batch } from "./batch.ts";
import type { Run } from "./batch.ts";
import type { ByteSink } from "./byte-sink.ts";
import type { Cursor, CursorFile, CursorState } from "./cursor-file.ts";
import { Notifier } from "./notifier.ts";
import { isQuick } from "./quick-io.ts";
import type { SegmentWriter } from "./segment-writer.ts";

/** Of a segment, for which a plan may stand. */
export const STANDING_BYTES = 64 * 1024;
/** A batch that is larger takes no more from spools. */
const BATCH_BYTES = 1024 * 1024;
/** Memory that a batch may keep for the next one, while there is a next one and when there is none. */
const BUSY_BYTES_MAX = 8 * 1024 * 1024;
const IDLE_BYTES_MAX = 64 * 1024;
const RETRY_FIRST_MS = 500;
const RETRY_LAST_MS = 15_000;

export interface JournalParts {
  writer: SegmentWriter;
  cursorFile: CursorFile;
  /** By id, in the order in which the spools became known. */
  cursors: Map<string, Cursor>;
  clock: Clock;
  /** Told, within the turn of the event loop, of what was stored at once. */
  onStored: () => void;
  /** Told when writing works again: for how long it did not, and why. */
  onResumed: (stalledMs: number, cause: string) => void;
}

export class Journal {
  /** Fires after every attempt to write, and when the journal closes. */
  readonly attempted = new Notifier();
  private readonly parts: JournalParts;
  private readonly stop = new AbortController();
  private pending = new Batch();
  /** The memory of the batch before the one being written. */
  private spare: ByteSink | undefined;
  /** Batches are numbered: `pending` has `taken + 1`; those up to `stored` are on disk. */
  private taken = 0;
  private stored = 0;
  private running: Promise<void> | undefined;
  private isAtOnce = false;
  /** What the plan on disk says of batches to come: up to `end` of the segment all is from the spool. */
  private standing: { spool: string; segment: string; end: number } | undefined;
  private stalled: { since: number; cause: string } | undefined;
  /** Whether the slot on disk may not describe the segment as it is now. */
  private isSlotStale = true;

  constructor(parts: JournalParts) {
    this.parts = parts;
  }

  get isStalled(): boolean {
    return this.stalled !== undefined;
  }

  get isClosed(): boolean {
    return this.stop.signal.aborted;
  }

  /** Encode into this, then `add` what was encoded, in the same turn. */
  get sink(): ByteSink {
    return this.pending.sink;
  }

  /** Whether spools may add to the batch. */
  get hasRoom(): boolean {
    return this.pending.sink.length < BATCH_BYTES;
  }

  add(run: Run): void {
    this.pending.add(run);
    if (!this.isAtOnce) this.start();
  }

  /** Resolves when everything added so far is stored.
   *  @throws AppError unavailable when the journal closes before that. */
  async flushed(): Promise<void> {
    const target = this.lastAdded;
    while (this.stored < target) {
      if (this.isClosed && this.running === undefined)
        throw new AppError("unavailable", "The log was closed before it was written.");
      await this.attempted.next();
    }
  }

  /** As `flushed`, but does not wait for a disk that is full. */
  async settled(): Promise<void> {
    const target = this.lastAdded;
    while (this.stored < target && this.stalled === undefined && this.running !== undefined)
      await this.attempted.next();
  }

  private get lastAdded(): number {
    return this.pending.isEmpty ? this.taken : this.taken + 1;
  }

  /** What `work` adds is stored within this turn of the event loop, where nothing speaks against it and it is the first of
   *  the turn; else when the turn ends. */
  atOnce<T>(work: () => T): T {
    this.isAtOnce = this.running === undefined;
    try {
      return work();
    } finally {
      this.isAtOnce = false;
      if (!this.pending.isEmpty && !this.storeNow()) this.start();
    }
  }

  private storeNow(): boolean {
    const { writer } = this.parts;
    const batch = this.pending;
    if (this.running !== undefined || this.isStalled || !isQuick()) return false;
    if (!writer.hasPlaceFor(batch.sink.length)) return false;
    try {
      this.planNow(batch);
      writer.appendNow(batch);
    } catch {
      // Nothing of it is stored, and whoever tries again finds out why.
      this.isSlotStale = true;
      return false;
    }
    // Somebody waits for the lines, nobody for what is still to be noted of them.
    this.parts.onStored();
    writer.noteAppended(batch);
    this.moveCursors(batch);
    this.pending = new Batch(batch.sink);
    batch.sink.reset(IDLE_BYTES_MAX);
    this.taken += 1;
    this.stored += 1;
    this.attempted.fire();
    // Behind those who were told: what comes in the same turn is stored together when it ends.
    queueMicrotask(() => this.start());
    return true;
  }

  /** A plan that says of which spool the next 64 KiB are stands for many batches of one line. */
  private planNow(batch: Batch): void {
    const { writer, cursorFile, cursors } = this.parts;
    const { segment, offset } = writer.position;
    const spool = batch.loneSpool;
    if (spool !== undefined && this.isPlanned(spool, segment, offset + batch.sink.length)) return;
    const plan = planOf(batch, { segment, offset }, cursors);
    if (spool !== undefined) plan.runs = plan.runs.map((run) => ({ ...run, bytes: STANDING_BYTES, isStanding: true }));
    this.endPlan();
    cursorFile.writeNow(plan);
    if (spool !== undefined) this.standing = { spool, segment, end: offset + STANDING_BYTES };
  }

  private isPlanned(spool: string, segment: string, end: number): boolean {
    const { standing } = this;
    return standing?.spool === spool && standing.segment === segment && end <= standing.end;
  }

  /** What is stored next is told of in a plan of its own. */
  endPlan(): void {
    this.standing = undefined;
    this.isSlotStale = true;
  }

  private start(): void {
    this.running ??= this.run();
  }

  private async run(): Promise<void> {
    await new Promise(endOfTick);
    const isAny = !this.pending.isEmpty;
    if (isAny) await this.storeAll();
    this.running = undefined;
    if (isAny) this.attempted.fire();
  }

  private async storeAll(): Promise<void> {
    while (!this.pending.isEmpty) {
      const batch = this.pending;
      this.pending = new Batch(this.spare);
      this.spare = undefined;
      this.taken += 1;
      if (!(await this.store(batch))) break;
      this.stored += 1;
      batch.sink.reset(BUSY_BYTES_MAX);
      this.spare = batch.sink;
      this.attempted.fire();
      // Whoever waited for room may have more: the memory of this batch is for that.
      if (this.pending.isEmpty) await new Promise(endOfTick);
    }
    this.spare?.reset(IDLE_BYTES_MAX);
    if (this.pending.isEmpty) this.pending.sink.reset(IDLE_BYTES_MAX);
  }

  /** False when the journal closed before the batch could be written. */
  private async store(batch: Batch): Promise<boolean> {
    for (let pauseMs = RETRY_FIRST_MS; ; pauseMs = Math.min(pauseMs * 2, RETRY_LAST_MS)) {
      try {
        await this.write(batch);
        this.resume();
        return true;
      } catch (error) {
        this.stalled ??= { since: this.parts.clock.now(), cause: causeOf(error) };
        this.attempted.fire();
      }
      if (this.isClosed) return false;
      await this.parts.clock.sleep(pauseMs, this.stop.signal);
    }
  }

  private async write(batch: Batch): Promise<void> {
    const { writer, cursorFile, cursors } = this.parts;
    const position = await writer.prepare(batch.sink.length, batch.firstUs);
    if (batch.isFromSpools || this.isSlotStale || this.standing !== undefined) {
      this.endPlan();
      await cursorFile.write(planOf(batch, position, cursors));
    }
    await writer.append(batch);
    this.moveCursors(batch);
  }

  private moveCursors(batch: Batch): void {
    const { cursors } = this.parts;
    this.isSlotStale = false;
    for (const run of batch.runs) {
      const cursor = run.spool === undefined ? undefined : cursors.get(run.spool);
      if (cursor !== undefined) Object.assign(cursor, { offset: run.to, isLater: run.isLater });
    }
  }

  private resume(): void {
    if (this.stalled === undefined) return;
    const { since, cause } = this.stalled;
    this.stalled = undefined;
    this.parts.onResumed(this.parts.clock.now() - since, cause);
  }

  /** Tries once more to write what is there, then stops. */
  async close(): Promise<void> {
    this.stop.abort();
    while (this.running !== undefined) await this.running;
    this.attempted.fire();
  }
}

function causeOf(error: unknown): string {
  if (isDiskFull(error)) return "the disk was full";
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return `the log could not be written (${code ?? String(error)})`;
}

function planOf(
  batch: Batch,
  position: { segment: string; offset: number },
  cursors: ReadonlyMap<string, Cursor>,
): CursorState {
  const spools = [...cursors.values()];
  const numbers = new Map(spools.map((cursor, number) => [cursor.id, number]));
  const runs: CursorState["runs"] = [];
  for (const { spool, bytes, to, isLater, isLoss } of batch.runs) {
    const number = spool === undefined ? -1 : (numbers.get(spool) ?? -1);
    const last = runs.at(-1);
    if (isLoss === true) runs.push({ spool: number, bytes, to, isLater, isLoss });
    else if (last?.spool === number && last.isLoss !== true)
      Object.assign(last, { bytes: last.bytes + bytes, to, isLater });
    else runs.push({ spool: number, bytes, to, isLater });
  }
  return { ...position, spools, runs };
}
