/** Reads all spools of an app in turns, as long as the journal has room: a flood of one process delays the others by
 *  one read at most, and nothing a process does can make it wait. Asleep while nothing is written. */
import { AppError } from "../core/error.ts";
import type { Clock } from "../core/clock.ts";
import type { NewLogLine } from "../core/log-line.ts";
import type { Cursor } from "./cursor-file.ts";
import type { Journal } from "./journal.ts";
import { LogKernel } from "./log-kernel.ts";
import { isQuick } from "./quick-io.ts";
import { exists } from "./recovery.ts";
import { RateMeter } from "./rate-meter.ts";
import { SpoolHoles } from "./spool-holes.ts";
import { READ_BYTES, Spool } from "./spool.ts";
import type { SpoolSource } from "./spool.ts";
import type { Stamper } from "./stamper.ts";

const LOSS_EVERY_MS = 1000;
/** So many bursts unread are more than may wait for the second to be over. */
const FLOOD_BURSTS = 4;

export interface IntakeParts {
  journal: Journal;
  clock: Clock;
  cursors: Map<string, Cursor>;
  stamper: Stamper;
  append: (line: NewLogLine) => void;
  /** Puts what is stored on the disk, before the raw bytes are given up. */
  sync: () => Promise<void>;
  punchBytes?: number | undefined;
}

interface Entry {
  spool: Spool;
  opened: Promise<void>;
  isQueued: boolean;
  /** When lines of it were passed over last. */
  lossMs: number;
  finished: Promise<void> | undefined;
  /** Set by `finish`: told when the end of the file is in the journal. */
  ended: { resolve: () => void; reject: (error: unknown) => void } | undefined;
  failure: AppError | undefined;
}

/** Buffers of stores that are asleep, shared by all stores. */
const idleBuffers: Buffer[] = [];
const IDLE_BUFFERS_MAX = 2;

/** In the memory of a kernel of its own, which encodes what is read where it lies. */
function newBuffer(): Buffer {
  return LogKernel.make()?.area.subarray(0, READ_BYTES) ?? Buffer.allocUnsafeSlow(READ_BYTES);
}

export class Intake {
  private readonly parts: IntakeParts;
  private readonly entries = new Map<string, Entry>();
  private readonly queue: Entry[] = [];
  /** Those that wait until the app may be read again. */
  private readonly parked: Entry[] = [];
  private readonly meter: RateMeter;
  private readonly holes: SpoolHoles;
  private readonly stop = new AbortController();
  private parking: Promise<void> | undefined;
  private pumping: Promise<void> | undefined;
  private forgetting: Promise<void> | undefined;
  private isClosed = false;

  constructor(parts: IntakeParts) {
    this.parts = parts;
    this.meter = new RateMeter(parts.clock);
    this.holes = new SpoolHoles(parts.sync, parts.punchBytes);
  }

  /** How many bytes a second processes may print in the long run; infinite: no limit. What a router process tells of
   *  requests is not counted. */
  set bytesPerSecond(rate: number) {
    this.meter.bytesPerSecond = rate;
  }

  /** A spool that is attached already stays as it is. */
  attach(source: SpoolSource): void {
    if (this.isClosed || this.entries.has(source.id)) return;
    const { cursors } = this.parts;
    const fresh = { id: source.id, path: source.path, offset: 0, isLater: false, isDone: false };
    const cursor = cursors.get(source.id) ?? fresh;
    for (const other of cursors.values()) if (other.isDone && other.path === source.path) cursors.delete(other.id);
    Object.assign(cursor, { path: source.path, isDone: false });
    cursors.set(source.id, cursor);
    const entry: Entry = {
      spool: new Spool(source, cursor),
      opened: Promise.resolve(),
      isQueued: false,
      lossMs: 0,
      finished: undefined,
      ended: undefined,
      failure: undefined,
    };
    this.entries.set(source.id, entry);
    entry.opened = this.open(entry);
  }

  private async open(entry: Entry): Promise<void> {
    try {
      await entry.spool.open((isOneOfMany) => this.look(entry, isOneOfMany));
      this.enqueue(entry);
    } catch (error) {
      await this.fail(entry, error);
    }
  }

  /** Resolves when everything in the file is stored; the caller may remove the file then.
   *  @throws AppError unavailable when the store closes before that: attach and finish again later. */
  async finish(id: string): Promise<void> {
    const entry = this.entries.get(id);
    if (entry !== undefined) await (entry.finished ??= this.finishEntry(id, entry));
    const cursor = this.parts.cursors.get(id);
    if (cursor !== undefined) cursor.isDone = true;
    // Many end at once, and a look at all of them is enough; what it misses is left for the next.
    await (this.forgetting ??= this.forgetRemoved().finally(() => {
      this.forgetting = undefined;
    }));
  }

  private async finishEntry(id: string, entry: Entry): Promise<void> {
    await entry.opened;
    try {
      await this.drain(entry);
    } finally {
      this.entries.delete(id);
      await entry.spool.close();
    }
    await this.parts.journal.flushed();
  }

  /** Rejects when the rest cannot be read. */
  private drain(entry: Entry): Promise<void> {
    if (entry.failure !== undefined) return Promise.reject(entry.failure);
    if (this.isClosed) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      entry.ended = { resolve, reject };
      entry.spool.isEnding = true;
      this.enqueue(entry);
    });
  }

  /** The cursor of a finished spool is kept until the file is gone: a crash between the two must not read it again. */
  private async forgetRemoved(): Promise<void> {
    const { cursors } = this.parts;
    for (const cursor of cursors.values()) {
      if (!cursor.isDone || (await exists(cursor.path))) continue;
      if (cursor.isDone) cursors.delete(cursor.id);
    }
  }

  private look(entry: Entry, isOneOfMany: boolean): void {
    if (isOneOfMany || !this.mayRead(entry) || !this.passNow(entry)) this.enqueue(entry);
  }

  private mayRead(entry: Entry): boolean {
    return !entry.isQueued && !this.isClosed && entry.failure === undefined;
  }

  private enqueue(entry: Entry): void {
    if (!this.mayRead(entry)) return;
    entry.isQueued = true;
    this.queue.push(entry);
    this.pumping ??= this.pump();
  }

  /** What a quiet process has printed, from its file into the log within this turn of the event loop; false where there
   *  is more to do. */
  private passNow(entry: Entry): boolean {
    const { spool } = entry;
    const { journal, stamper } = this.parts;
    const buffer = idleBuffers.at(-1);
    if (buffer === undefined || this.pumping !== undefined || spool.isEnding) return false;
    if (!isQuick() || (isLimited(spool) && this.isTooMuch(spool))) return false;
    try {
      const from = spool.offset;
      const hasMore = journal.atOnce(() => spool.readNow(buffer, journal, stamper));
      this.account(spool, from);
      this.holes.punch(spool, this.storedOf(spool));
      return !hasMore;
    } catch (error) {
      void this.fail(entry, error);
      return true;
    }
  }

  private account(spool: Spool, from: number): void {
    if (isLimited(spool)) this.meter.take(Math.max(0, spool.offset - from));
  }

  private async pump(): Promise<void> {
    const buffer = idleBuffers.pop() ?? newBuffer();
    const { journal } = this.parts;
    for (let entry = this.queue.shift(); entry !== undefined; entry = this.queue.shift()) {
      while (!journal.hasRoom && !this.isClosed) await journal.attempted.next();
      if (this.isClosed) break;
      await this.turn(entry, buffer);
    }
    if (idleBuffers.length < IDLE_BUFFERS_MAX) idleBuffers.push(buffer);
    this.pumping = undefined;
  }

  private async turn(entry: Entry, buffer: Buffer): Promise<void> {
    const { spool } = entry;
    try {
      if (isLimited(spool) && this.isTooMuch(spool)) return await this.hold(entry, buffer);
      entry.isQueued = false;
      const { isEnding } = spool;
      const from = spool.offset;
      const hasMore = await spool.read(buffer, this.parts.journal, this.parts.stamper);
      this.account(spool, from);
      if (hasMore) this.enqueue(entry);
      else if (isEnding) entry.ended?.resolve();
      this.holes.punch(spool, this.storedOf(spool));
    } catch (error) {
      await this.fail(entry, error);
    }
  }

  /** Also where it is not the app that is over its rate but this process that cannot keep up. */
  private isTooMuch(spool: Spool): boolean {
    const { meter } = this;
    if (!meter.isOn) return false;
    // The size of the file is asked for where the last read did not come to its end.
    return meter.waitMs() > 0 || (spool.isBehind && spool.backlog() > meter.burstBytes * FLOOD_BURSTS);
  }

  /** The app has printed too much: its lines wait in the spools. When they are too many the oldest are passed over; at
   *  most once a second, unless it prints so fast that the disk would fill. */
  private async hold(entry: Entry, buffer: Buffer): Promise<void> {
    const { clock, journal, stamper } = this.parts;
    const { burstBytes } = this.meter;
    const backlog = entry.spool.backlog();
    const isCalm = clock.now() - entry.lossMs < LOSS_EVERY_MS && clock.now() >= entry.lossMs;
    if (backlog > burstBytes * (isCalm ? FLOOD_BURSTS : 1)) {
      await entry.spool.passOver(buffer, burstBytes / 4, { journal, stamper });
      entry.lossMs = clock.now();
      this.holes.punch(entry.spool, this.storedOf(entry.spool));
    }
    this.parked.push(entry);
    this.parking ??= this.unparkLater();
  }

  private async unparkLater(): Promise<void> {
    await this.parts.clock.sleep(this.meter.waitMs(), this.stop.signal);
    this.parking = undefined;
    for (const entry of this.parked.splice(0)) {
      entry.isQueued = false;
      this.enqueue(entry);
    }
  }

  private storedOf(spool: Spool): number {
    return this.parts.cursors.get(spool.source.id)?.offset ?? 0;
  }

  private async fail(entry: Entry, error: unknown): Promise<void> {
    const { ps } = entry.spool.source;
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    const message = `Cannot read the output of ${ps} (${code}); its lines are missing here.`;
    entry.failure = new AppError("unavailable", message, { cause: error });
    this.parts.append({ ps: "logs", source: "heroku", level: "error", msg: message });
    entry.ended?.reject(entry.failure);
    await entry.spool.close();
  }

  /** Stops reading; what was not read stays in the spools. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.stop.abort();
    await this.parking;
    this.parts.journal.attempted.fire();
    for (const entry of this.entries.values()) {
      await entry.opened;
      entry.ended?.reject(closedError());
    }
    await this.pumping;
    await this.holes.done();
    for (const entry of this.entries.values()) await entry.spool.close();
  }
}

/** What a router process tells of requests is not counted. */
function isLimited(spool: Spool): boolean {
  return spool.source.isStamped !== true;
}

function closedError(): AppError {
  return new AppError("unavailable", "The log was closed before the end of the output was stored.", {
    hint: "It is read on when the log is opened again.",
  });
}
