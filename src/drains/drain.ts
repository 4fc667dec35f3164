/** One drain: a follower of the app's log with a place of its own on disk. It sends what stands behind that place, frame
 *  by frame, each for as long as it takes; the log keeps the rest meanwhile. What the log can no longer keep is counted
 *  and told (L10). At least once: a frame that may not have arrived is sent again. */
import type { Clock } from "../core/clock.ts";
import type { RetryRules } from "../core/drain-retry.ts";
import { SerialQueue } from "../core/serial-queue.ts";
import type { Channel } from "./channel.ts";
import { countLines } from "./count-lines.ts";
import type { DrainFile, DrainRecord } from "./drain-file.ts";
import { DrainHealth, type DrainStatus, type TellDrain } from "./drain-health.ts";
import { DrainReader, type Lines } from "./drain-reader.ts";
import { DrainSender, type Sending } from "./drain-sender.ts";
import { makeBatch, type Dialect, type Frame } from "./frame.ts";
import { timeOf, type LogFeed, type Place } from "./log-feed.ts";
import { addLoss, lossText, subtractLoss, type Loss } from "./loss.ts";

export interface DrainParts {
  dialect: Dialect;
  /** Its URL, masked. */
  name: string;
  /** Given what to do when its connection breaks. */
  openChannel: (onBroken: () => void) => Channel;
  file: DrainFile;
  feed: LogFeed;
  clock: Clock;
  /** Numbers in [0, 1). */
  random: () => number;
  rules: () => RetryRules;
  tell: TellDrain;
  onFault: (error: unknown) => void;
}

/** Where a drain begins whose file says nothing. */
export interface DrainStart {
  place: Place;
  /** Lines of before this RFC 3339 second are none of its own. */
  notBefore?: string;
}

/** After a frame that was not full the next waits for so long: a chatty app costs no request for each line. */
const LINGER_MS = 50;
const FULL_BYTES = 64 * 1024;

export class Drain {
  readonly #parts: DrainParts;
  readonly #channel: Channel;
  readonly #health: DrainHealth;
  readonly #sender: DrainSender;
  readonly #overruns = new SerialQueue();
  readonly #ending = new AbortController();
  readonly #notBefore: string | undefined;
  #reader: DrainReader | undefined;
  #sending: Sending | undefined;
  /** Where the lines stand that come next, when nothing is under way. */
  #place: Place;
  /** Where they stand when what is under way has arrived, if what follows it was lost. */
  #resume: Place | undefined;
  /** The end of the frame that an earlier daemon had under way: it may have arrived, so the same one is sent again. */
  #sameFrameEnd: Place | undefined;
  /** Frames that were delivered over a connection that has not held for long since, oldest first. */
  #unsettled: { from: Place; at: number }[] = [];
  #isRewound = false;
  #loss: Loss | undefined;
  #delivered = 0;
  #dropped = 0;
  #lingers = false;
  #hasWriteFault = false;
  #run: Promise<void> | undefined;

  /** @throws node's error when its file cannot be written */
  constructor(parts: DrainParts, start: DrainStart) {
    this.#parts = parts;
    this.#channel = parts.openChannel(() => this.#rewind());
    const { last } = parts.file;
    const { clock, tell, name, rules, random } = parts;
    const { token } = parts.dialect;
    this.#health = new DrainHealth({ clock, tell, name, token }, last?.fault);
    this.#sender = new DrainSender({ token, channel: this.#channel, health: this.#health, clock, rules, random });
    this.#place = last?.resume ?? last?.at ?? start.place;
    if (last === undefined) {
      this.#notBefore = start.notBefore;
      parts.file.write(this.#record());
      return;
    }
    this.#sameFrameEnd = last.to;
    this.#loss = last.loss;
    this.#delivered = last.delivered;
    this.#dropped = last.dropped;
    // What was under way when the log made room and the daemon was killed has gone with that.
    if (last.resume !== undefined) this.#lose({ count: last.lines, since: timeOf(last.at.segment) });
  }

  start(): void {
    this.#run ??= this.#loop().catch((error: unknown) => this.#parts.onFault(error));
  }

  get status(): DrainStatus {
    const behindSince = this.#sending?.batch.firstStamp;
    return { ...this.#health.status, delivered: this.#delivered, dropped: this.#dropped, behindSince };
  }

  /** Ends what is under way, and keeps the place.
   *  @param patience until when a drain that is well may send what an ended log still has */
  async close(patience?: Promise<void>): Promise<void> {
    if (patience !== undefined && this.#health.isTaking) await Promise.race([this.#run, patience]);
    this.#ending.abort();
    await this.#run;
    await this.#overruns.drained();
    // A connection that has ended well has brought all that was delivered.
    if (await this.#channel.close()) this.#unsettled = [];
    this.#write();
    await this.#parts.file.close();
  }

  /** The app has this drain no more. */
  async remove(): Promise<void> {
    await this.close();
    this.#parts.file.remove();
  }

  /** The log is about to lose a segment; resolves when what this drain will miss is counted, and that is on disk.
   *  @param next the start of the oldest one that stays */
  beforeRemoval(segment: string, next: Place): Promise<void> {
    return this.#overruns.run(async () => {
      const from = this.#sending === undefined ? this.#place : (this.#resume ?? this.#sending.to);
      if (from.segment > segment || this.#ending.signal.aborted) return;
      // What is under way is in memory and may still arrive; nothing else of that segment is begun.
      this.#reader?.stop();
      const lost = await countLines(this.#parts, from, next);
      this.#unsettled = this.#unsettled.filter((one) => one.from.segment > segment);
      this.#sameFrameEnd = undefined;
      if (this.#sending === undefined) this.#place = next;
      else this.#resume = next;
      if (lost !== undefined) this.#lose(lost);
      this.#write();
      if (lost !== undefined) this.#parts.tell("error", `${lossText(lost)} Drain ${this.#parts.dialect.token}`);
    });
  }

  async #loop(): Promise<void> {
    const { signal } = this.#ending;
    let isOver = false;
    while (!signal.aborted && !isOver) {
      await this.#overruns.drained();
      this.#isRewound = false;
      const reader = (this.#reader = new DrainReader(this.#parts.feed, this.#place, signal));
      isOver = await this.#pump(reader);
      await reader.end();
    }
  }

  /** Sends what the reader gives until it is stopped; true when the log has ended. */
  async #pump(reader: DrainReader): Promise<boolean> {
    for (;;) {
      if (this.#lingers) await this.#parts.clock.sleep(LINGER_MS, this.#ending.signal);
      const piece = await this.#next(reader);
      if (piece === undefined) return !reader.isStopped;
      if (piece.lines.length === 0) this.#passGap(piece.start);
      else await this.#sendLines(reader, piece);
      if (reader.isStopped) return false;
    }
  }

  /** Waits for lines; what was delivered settles meanwhile. */
  async #next(reader: DrainReader): Promise<Lines | undefined> {
    const coming = reader.next().catch((error: unknown) => this.#recover(reader, error));
    while (this.#unsettled.length > 0) {
      const over = new AbortController();
      const sleep = this.#parts.clock.sleep(this.#channel.settleMs, over.signal).then(() => "settled" as const);
      const first = await Promise.race([coming, sleep]);
      over.abort();
      if (first !== "settled") return first;
      this.#settle();
      this.#write();
    }
    return coming;
  }

  /** A place that the log does not know, after a power cut or a hand in its files: on from the start of the segment, as
   *  twice is better than never. */
  async #recover(reader: DrainReader, error: unknown): Promise<undefined> {
    reader.stop();
    this.#parts.onFault(error);
    if (this.#place.offset > 0) this.#place = { segment: this.#place.segment, offset: 0 };
    else await this.#parts.clock.sleep(this.#parts.rules().maxMs, this.#ending.signal);
  }

  /** Somebody took lines away that nobody had counted. */
  #passGap(next: Place): void {
    const lost = { count: undefined, since: timeOf(this.#place.segment) };
    this.#place = next;
    this.#lose(lost);
    this.#write();
    this.#parts.tell("error", `${lossText(lost)} Drain ${this.#parts.dialect.token}`);
  }

  async #sendLines(reader: DrainReader, { lines, start }: Lines): Promise<void> {
    const { dialect } = this.#parts;
    let rest = lines;
    this.#place = start;
    while (rest.length > 0 && !reader.isStopped) {
      const from = this.#place;
      const batch = makeBatch(this.#cut(rest), { dialect, notice: this.#loss, notBefore: this.#notBefore });
      const to = { segment: from.segment, offset: from.offset + batch.bytes };
      const sending = (this.#sending = { batch, from, to });
      this.#write();
      if (!(await this.#send(sending))) return;
      this.#arrived(sending);
      rest = rest.subarray(batch.bytes);
    }
    this.#lingers = lines.length < FULL_BYTES;
    this.#write();
  }

  /** The first frame after a start ends where it ended before. */
  #cut(lines: Buffer): Buffer {
    const end = this.#sameFrameEnd;
    this.#sameFrameEnd = undefined;
    const bytes = end?.segment === this.#place.segment ? end.offset - this.#place.offset : 0;
    return bytes > 0 && bytes < lines.length ? lines.subarray(0, bytes) : lines;
  }

  #arrived({ from, to }: Sending): void {
    this.#place = this.#resume ?? to;
    this.#sending = undefined;
    this.#resume = undefined;
    this.#settle();
    if (this.#channel.settleMs > 0) this.#unsettled.push({ from, at: this.#parts.clock.now() });
  }

  /** False when the drain ends, which keeps what is under way for the next daemon, or when older frames come first. */
  async #send(sending: Sending): Promise<boolean> {
    const events = {
      delivered: ({ messages, notice }: Frame) => {
        this.#delivered += messages;
        if (notice !== undefined) this.#loss = subtractLoss(this.#loss, notice);
      },
      refused: ({ messages }: Frame) => this.#lose({ count: messages, since: sending.batch.firstStamp }),
      failed: () => {
        this.#rewind();
        this.#write();
      },
      isAbandoned: () => this.#isRewound,
    };
    return this.#sender.send(sending, events, this.#ending.signal);
  }

  /** A connection that breaks may have lost what was delivered a moment before. */
  #rewind(): void {
    const [oldest] = this.#unsettled;
    if (oldest === undefined || this.#ending.signal.aborted) return;
    this.#place = oldest.from;
    this.#unsettled = [];
    this.#isRewound = true;
    this.#sending = undefined;
    this.#reader?.stop();
  }

  #settle(): void {
    const since = this.#parts.clock.now() - this.#channel.settleMs;
    const left = this.#unsettled.filter(({ at }) => at > since);
    if (left.length < this.#unsettled.length) this.#health.delivered();
    this.#unsettled = left;
  }

  #lose(loss: Loss): void {
    this.#loss = addLoss(this.#loss, loss);
    this.#dropped += loss.count ?? 0;
  }

  #record(): DrainRecord {
    const [unsettled, sending, loss] = [this.#unsettled[0], this.#sending, this.#loss];
    return {
      at: unsettled?.from ?? sending?.from ?? this.#place,
      // Behind frames that are not settled it is no longer the same frame.
      to: unsettled === undefined ? sending?.to : undefined,
      lines: sending?.batch.lines ?? 0,
      resume: this.#resume,
      loss,
      delivered: this.#delivered,
      dropped: this.#dropped,
      fault: this.#health.fault,
    };
  }

  /** What cannot be written costs a frame that is sent twice, if this daemon is killed before it can be. */
  #write(): void {
    try {
      this.#parts.file.write(this.#record());
      this.#hasWriteFault = false;
    } catch (error) {
      if (!this.#hasWriteFault) this.#parts.onFault(error);
      this.#hasWriteFault = true;
    }
  }
}
