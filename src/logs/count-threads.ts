/** The threads in which large segments are counted: some for all logs together, kept a little while for the next question. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { AppError } from "../core/error.ts";
import type { CountEnd, CountJob } from "./count-worker.ts";

const THREADS_MAX = Math.min(4, availableParallelism());
const KEPT_MS = 5_000;
const HEAP_MB_MAX = 64;

interface Kept {
  worker: Worker;
  end: NodeJS.Timeout;
}

const kept: Kept[] = [];
const waiting: (() => void)[] = [];
let busy = 0;

/** How many lines of a segment the filter takes.
 *  @throws what the thread failed with; AppError unavailable when the signal aborts. */
export async function countInThread(job: CountJob, signal: AbortSignal): Promise<number> {
  if (busy >= THREADS_MAX) await new Promise<void>((resolve) => void waiting.push(resolve));
  else busy += 1;
  try {
    return await ask(take(), job, signal);
  } finally {
    // The place is handed on, or given up.
    const next = waiting.shift();
    if (next === undefined) busy -= 1;
    else next();
  }
}

function take(): Worker {
  const known = kept.pop();
  if (known === undefined) {
    const worker = new Worker(new URL("count-worker.js", import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
    });
    // What it fails with later, while it is being ended, concerns nobody.
    return worker.on("error", () => undefined);
  }
  clearTimeout(known.end);
  known.worker.ref();
  return known.worker;
}

function keep(worker: Worker): void {
  worker.unref();
  const end = setTimeout(() => {
    kept.splice(
      kept.findIndex((other) => other.worker === worker),
      1,
    );
    void worker.terminate();
  }, KEPT_MS).unref();
  kept.push({ worker, end });
}

function ask(worker: Worker, job: CountJob, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      worker.off("message", answer).off("error", fail).off("exit", end);
      signal.removeEventListener("abort", stop);
      act();
    };
    const answer = ({ count, failure }: CountEnd): void =>
      settle(() => {
        keep(worker);
        if (failure === undefined) resolve(count);
        else reject(new AppError("unavailable", failure.message, { cause: failure }));
      });
    const fail = (error: Error): void => settle(() => reject(error));
    const end = (): void => settle(() => reject(new AppError("unavailable", "The search was ended.")));
    const stop = (): void => void worker.terminate();
    worker.on("message", answer).on("error", fail).on("exit", end);
    signal.addEventListener("abort", stop, { once: true });
    worker.postMessage(job, []);
    if (signal.aborted) stop();
  });
}
