/** A thread that reads answers, one at a time, and the pieces that have come of it. It is kept a little while for the next. */
import { availableParallelism } from "node:os";
import { AppError } from "../core/error.ts";
import type { Claims } from "./claims.ts";
import { KeptWorker } from "./kept-worker.ts";
import type { ReadJob, ReadOrder, ReadTold } from "./read-worker.ts";

const THREADS_MAX = Math.min(4, availableParallelism());

export interface Found {
  /** Good until the next are asked for. */
  lines: Buffer;
  /** Whether each is known to begin and end as the store writes them. */
  areOurs: boolean;
}

export interface ReadQuestion extends Omit<ReadJob, "claims" | "stopped"> {
  claims: Claims;
}

const ENDED: ReadTold = { failure: undefined };
const idle: ReadThread[] = [];
let threads = 0;

export class ReadThread {
  private readonly worker: KeptWorker<ReadOrder, ReadTold>;
  private readonly arrived: ReadTold[] = [];
  private wake: () => void = () => undefined;
  private isBusy = false;
  /** Whether nobody wants what it is still at. */
  private isLeft = false;
  private room = 0;
  /** Of the last piece. */
  private lent: ArrayBuffer | undefined;
  private stop: () => void = () => undefined;
  private failure: AppError | undefined;

  private constructor() {
    threads += 1;
    this.worker = new KeptWorker(
      "read-worker.js",
      (told) => this.take(told),
      (error) => this.fail(error),
    );
  }

  /** One for an answer alone; undefined when there are enough. */
  static take(): ReadThread | undefined {
    return idle.pop() ?? (threads < THREADS_MAX ? new ReadThread() : undefined);
  }

  /** Until then others read. */
  get isReady(): boolean {
    return this.worker.isOnline && this.failure === undefined;
  }

  /** Until the signal aborts, or `giveBack`. */
  begin({ claims, ...job }: ReadQuestion, signal: AbortSignal): void {
    const stopped = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    const stop = (): void => void Atomics.store(new Int32Array(stopped), 0, 1);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    this.stop = () => {
      signal.removeEventListener("abort", stop);
      stop();
    };
    this.room = job.room;
    this.isBusy = true;
    this.worker.tell({ ...job, claims: claims.memory, stopped });
  }

  /** Whether it has nothing to tell just now. */
  get isWaitedFor(): boolean {
    return this.arrived.length === 0 && this.isBusy && this.failure === undefined;
  }

  /** What it found in the next so many of the segments that it took, in pieces that are good until the next is asked for.
   *  @throws what it failed with; AppError unavailable when it is gone. */
  async *linesOf(segments: number): AsyncGenerator<Buffer, void> {
    for (let left = segments; left > 0;) {
      const piece = await this.nextPiece();
      if (piece === undefined) left -= 1;
      else yield piece.lines;
    }
  }

  /** The same, piece by piece; undefined behind the last of each segment. */
  async nextPiece(): Promise<Found | undefined> {
    if (this.lent !== undefined) this.worker.tell({ used: this.lent }, [this.lent]);
    this.lent = undefined;
    const told = await this.next();
    if (!("lines" in told)) return undefined;
    const { buffer, byteOffset, length } = told.lines;
    this.lent = buffer;
    return { lines: Buffer.from(buffer, byteOffset, length), areOurs: told.areOurs };
  }

  /** Whatever it is still at, nobody wants it. */
  giveBack(): void {
    this.stop();
    this.lent = undefined;
    if (!this.isBusy) return this.toIdle();
    this.isLeft = true;
    // It may wait for room, to tell that it has ended.
    for (let n = 0; n < this.room; n += 1) this.worker.tell({ used: undefined });
  }

  /** What it tells next, and from then on that it has ended. */
  private async next(): Promise<ReadTold> {
    while (this.arrived.length === 0) {
      if (this.failure !== undefined) throw this.failure;
      if (!this.isBusy) return ENDED;
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    const told = this.arrived.shift() as ReadTold;
    if ("failure" in told && told.failure !== undefined) throw new Error(told.failure);
    return told;
  }

  private take(told: ReadTold): void {
    const hasEnded = "failure" in told;
    if (hasEnded) this.isBusy = false;
    if (!this.isLeft) {
      this.arrived.push(told);
      this.wake();
    } else if (hasEnded) {
      this.isLeft = false;
      this.toIdle();
    }
  }

  private toIdle(): void {
    this.arrived.length = 0;
    if (this.failure !== undefined) return;
    idle.push(this);
    this.worker.rest();
  }

  private fail(error: AppError): void {
    threads -= 1;
    this.failure = error;
    if (idle.includes(this)) idle.splice(idle.indexOf(this), 1);
    this.wake();
  }
}
