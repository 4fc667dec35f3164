/** One thread for the slow work on segments of all apps: started when there is a job, ended when there is none. */
import { Worker } from "node:worker_threads";
import type { JobEnd, SegmentJob } from "./segment-worker.ts";

interface Waiting {
  job: SegmentJob;
  signal: AbortSignal;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** Node's code, the heap of the job, and what it reads. */
const HEAP_MB_MAX = 128;

const queue: Waiting[] = [];
let running: Promise<void> | undefined;

/** Resolves when the job is done.
 *  @throws what it failed with; AbortError when the signal aborts before it is done. */
export function inBackground(job: SegmentJob, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    queue.push({ job, signal, resolve, reject });
    running ??= work();
  });
}

async function work(): Promise<void> {
  let worker: Worker | undefined;
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    if (next.signal.aborted) {
      next.reject(next.signal.reason);
      continue;
    }
    worker ??= start();
    // After a failure of the thread itself the next job has a new one.
    if (!(await settle(worker, next))) worker = undefined;
  }
  await worker?.terminate();
  running = undefined;
  if (queue.length > 0) running = work();
}

function start(): Worker {
  return new Worker(new URL("segment-worker.js", import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
  });
}

/** False when the thread is gone. */
function settle(worker: Worker, { job, signal, resolve, reject }: Waiting): Promise<boolean> {
  return new Promise((done) => {
    const end = (isAlive: boolean, act: () => void): void => {
      worker.removeAllListeners();
      signal.removeEventListener("abort", stop);
      act();
      done(isAlive);
    };
    // Its file is left unfinished: whoever looks next removes it.
    const stop = (): void => void worker.terminate().then(() => end(false, () => reject(signal.reason)));
    signal.addEventListener("abort", stop, { once: true });
    worker.on("message", ({ failure }: JobEnd) => {
      if (failure === undefined) end(true, resolve);
      else end(true, () => reject(Object.assign(new Error(failure.message), { code: failure.code })));
    });
    worker.on("error", (error) => end(false, () => reject(error)));
    worker.on("exit", () => end(false, () => reject(new Error("The background thread of the log ended."))));
    worker.postMessage(job, []);
  });
}
