/** A thread that is kept a little while for the next question, and holds up nobody's end while it has none. */
import { Worker } from "node:worker_threads";
import { AppError } from "../core/error.ts";

const KEPT_MS = 5_000;
const HEAP_MB_MAX = 64;

export class KeptWorker<Question, Told> {
  /** Whether it has started. */
  isOnline = false;
  private readonly worker: Worker;
  private readonly onGone: (error: AppError) => void;
  private isGone = false;
  private end: NodeJS.Timeout | undefined;

  /** @param program beside this one
   *  @param onGone told once, whatever the reason. */
  constructor(program: string, onTold: (told: Told) => void, onGone: (error: AppError) => void) {
    this.onGone = onGone;
    this.worker = new Worker(new URL(program, import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
    });
    this.worker.on("online", () => (this.isOnline = true));
    this.worker.on("message", onTold);
    this.worker.on("error", ({ message }: Error) => this.leave(message));
    this.worker.on("exit", () => this.leave("The search was ended."));
  }

  /** @param given memory that is the thread's from now on */
  tell(question: Question, given: ArrayBuffer[] = []): void {
    clearTimeout(this.end);
    this.worker.ref();
    this.worker.postMessage(question, given);
  }

  /** Nothing is asked of it now. */
  rest(): void {
    clearTimeout(this.end);
    this.worker.unref();
    this.end = setTimeout(() => {
      this.leave("The search was ended.");
      void this.worker.terminate();
    }, KEPT_MS).unref();
  }

  private leave(why: string): void {
    if (this.isGone) return;
    this.isGone = true;
    this.onGone(new AppError("unavailable", why));
  }
}
