/** The threads in which large segments are counted: some for all logs together, kept a little while for the next question. Each of
 *  them is told of every segment and takes pieces of it while there are any, so that all are done at about the same time and
 *  none waits to be told what is next. */
import { availableParallelism } from "node:os";
import { AppError } from "../core/error.ts";
import { Pieces } from "./count-pieces.ts";
import type { CountEnd, CountJob } from "./count-worker.ts";
import { KeptWorker } from "./kept-worker.ts";

const THREADS_MAX = Math.min(4, availableParallelism());

type Order = Omit<CountJob, "id" | "pieces">;

/** How many lines of a segment the filter takes, counted in pieces of so many bytes.
 *  @throws what a thread failed with; AppError unavailable when the signal aborts. */
export async function countInThreads(order: Order, pieceBytes: number, signal: AbortSignal): Promise<number> {
  const pieces = Pieces.of(order.size, pieceBytes);
  const stop = (): void => pieces.stop();
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    const counts = await Promise.all(allThreads().map((thread) => thread.count({ ...order, pieces: pieces.state })));
    if (signal.aborted) throw new AppError("unavailable", "The search was ended.");
    return counts.reduce((sum, count) => sum + count, 0);
  } finally {
    // Where one has failed the others need not go on.
    stop();
    signal.removeEventListener("abort", stop);
  }
}

const threads = new Set<CountThread>();

function allThreads(): CountThread[] {
  while (threads.size < THREADS_MAX) threads.add(new CountThread());
  return [...threads];
}

interface Waiting {
  resolve(count: number): void;
  reject(error: Error): void;
}

class CountThread {
  private readonly worker: KeptWorker<CountJob, CountEnd>;
  private readonly waiting = new Map<number, Waiting>();
  private ids = 0;

  constructor() {
    this.worker = new KeptWorker(
      "count-worker.js",
      (end) => this.answer(end),
      (error) => this.fail(error),
    );
  }

  /** Lines in the pieces that this thread takes. */
  count(job: Omit<CountJob, "id">): Promise<number> {
    const id = (this.ids += 1);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.tell({ ...job, id });
    });
  }

  private answer({ id, count, failure }: CountEnd): void {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (this.waiting.size === 0) this.worker.rest();
    if (failure === undefined) waiting?.resolve(count);
    else waiting?.reject(new AppError("unavailable", failure.message, { cause: failure }));
  }

  private fail(error: Error): void {
    threads.delete(this);
    for (const waiting of this.waiting.values()) waiting.reject(error);
    this.waiting.clear();
  }
}
