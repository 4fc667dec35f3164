/** Long answers are read in threads: the event loop stays free, and more than one processor is used. What turns out long goes on there
 *  with its next segment, so that a short answer needs none. docs/decisions/177-long-answers-in-a-thread.md. */
import { availableParallelism } from "node:os";
import { AppError } from "../core/error.ts";
import { forwardLines } from "./forward.ts";
import type { Reading } from "./log-reader.ts";
import { KeptWorker } from "./kept-worker.ts";
import { segmentsWithin } from "./query.ts";
import type { ReadJob, ReadOrder, ReadTold } from "./read-worker.ts";
import type { Sieve } from "./sieve.ts";

/** An answer is long for which so much was read. */
const LONG_BYTES = 16 * 1024 * 1024;
/** Pieces that a thread may be ahead of its reader. */
const PIECES_AHEAD = 8;
const THREADS_MAX = Math.min(4, availableParallelism());

/** The lines of a stream that match, oldest first, in pieces that are good until the next is asked for. */
export async function* linesInOrder(
  { files, snapshot, signal }: Reading,
  sieve: Sieve,
  longBytes = LONG_BYTES,
): AsyncGenerator<Buffer, void, undefined> {
  const { filter } = sieve.selection;
  const segments = segmentsWithin(snapshot.segments, filter.sinceUs, filter.untilUs);
  const { end } = snapshot;
  const read = { bytes: 0 };
  let thread: ReadThread | undefined;
  try {
    for (const [index, segment] of segments.entries()) {
      if (signal.aborted) return;
      if (thread?.isReady === true) {
        const rest = { segments: segments.slice(index), end };
        return yield* thread.read({ dir: files.dir, isReadOnly: files.isReadOnly, snapshot: rest, filter }, signal);
      }
      yield* forwardLines({ files, snapshot: { segments: [segment], end }, stop: signal }, sieve, read);
      if (read.bytes >= longBytes && isForThread(sieve)) thread ??= ReadThread.take();
    }
  } finally {
    thread?.giveBack();
  }
}

/** A pattern has a thread of its own, and context is known from one segment to the next. */
function isForThread({ selection, context }: Sieve): boolean {
  return context === 0 && selection.filter.regex === undefined;
}

const idle: ReadThread[] = [];
let threads = 0;

export class ReadThread {
  private readonly worker: KeptWorker<ReadOrder, ReadTold>;
  private readonly arrived: ReadTold[] = [];
  private wake: () => void = () => undefined;
  private isBusy = false;
  /** Whether nobody wants what it is still at. */
  private isLeft = false;
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

  /** @throws what it failed with; AppError unavailable when it is gone. */
  async *read(job: Omit<ReadJob, "room" | "stopped">, signal: AbortSignal): AsyncGenerator<Buffer, void> {
    const stopped = new SharedArrayBuffer(4);
    const stop = (): void => void Atomics.store(new Int32Array(stopped), 0, 1);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    this.isBusy = true;
    this.worker.tell({ ...job, room: PIECES_AHEAD, stopped });
    try {
      for (let told = await this.next(); "lines" in told; told = await this.next()) {
        const { buffer, byteOffset, length } = told.lines;
        yield Buffer.from(buffer, byteOffset, length);
        this.worker.tell({ used: buffer }, [buffer]);
      }
    } finally {
      stop();
      signal.removeEventListener("abort", stop);
    }
  }

  giveBack(): void {
    if (!this.isBusy) return this.toIdle();
    this.isLeft = true;
    // It may wait for room, to tell that it has ended.
    for (let n = 0; n < PIECES_AHEAD; n += 1) this.worker.tell({ used: undefined });
  }

  /** What it tells next; the end of the job is the last. */
  private async next(): Promise<ReadTold> {
    while (this.arrived.length === 0) {
      if (this.failure !== undefined) throw this.failure;
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
    const told = this.arrived.shift() as ReadTold;
    if ("lines" in told) return told;
    this.isBusy = false;
    if (told.failure !== undefined) throw new Error(told.failure);
    return told;
  }

  private take(told: ReadTold): void {
    if (!this.isLeft) {
      this.arrived.push(told);
      this.wake();
    } else if (!("lines" in told)) {
      this.isLeft = false;
      this.isBusy = false;
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
