/** Tries a regular expression of a user on messages, in a thread of its own and within a time: JavaScript's expressions
 *  backtrack, and `(a+)+$` on one line would otherwise hold the daemon for ever. */
import { Worker } from "node:worker_threads";
import { AppError } from "../core/error.ts";
import { HeadReader } from "./head-reader.ts";
import { copyLines } from "./line-matcher.ts";
import type { PatternData, PatternQuestion } from "./pattern-worker.ts";

/** For some hundred KB of lines, which take some milliseconds: a busy machine is no reason to give up. */
const PATIENCE_MS = 2_000;
/** For one answer: what has not ended by then would run for hours in a large log. */
const TOTAL_MS_MAX = 60_000;
const PATTERN_LENGTH_MAX = 1_000;
/** Each thread takes some MB. */
const THREADS_MAX = 8;
const HEAP_MB_MAX = 64;

let threads = 0;

/** @throws AppError invalid_params for what is no regular expression. */
export function checkPattern(pattern: string): void {
  if (pattern.length > PATTERN_LENGTH_MAX) {
    throw new AppError("invalid_params", `A pattern has at most ${String(PATTERN_LENGTH_MAX)} characters.`);
  }
  flagsOf(pattern);
}

function compile(pattern: string, flags: string): RegExp {
  return new RegExp(pattern, flags);
}

/** Unicode's rules where the pattern allows them: then `.` is a character, also one beyond 16 bits. */
function flagsOf(pattern: string): string {
  try {
    return compile(pattern, "u").flags;
  } catch {
    // Stricter than what people are used to write, such as \- outside of a class.
  }
  try {
    return compile(pattern, "").flags;
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^.*\/: /s, "") : "";
    throw new AppError("invalid_params", `${JSON.stringify(pattern.slice(0, 100))} is no regular expression: ${why}.`, {
      hint: "It is one of JavaScript; --search looks for a text as it stands.",
    });
  }
}

export class PatternSearch {
  private readonly data: PatternData;
  private readonly totalMs: number;
  private readonly head = new HeadReader();
  private worker: Worker | undefined;
  private isOnline = false;
  private spentMs = 0;

  /** @param isEndless for a follower, whose time has no end.
   *  @throws AppError invalid_params for what is no regular expression. */
  constructor(pattern: string, options: { ignoreCase: boolean; isEndless: boolean }) {
    checkPattern(pattern);
    this.data = { source: pattern, flags: flagsOf(pattern) + (options.ignoreCase ? "i" : "") };
    this.totalMs = options.isEndless ? Number.POSITIVE_INFINITY : TOTAL_MS_MAX;
  }

  /** Those of the lines at the offsets that match; with `invert` those that do not.
   *  @throws AppError invalid_params when it takes too long, unavailable when too many threads are at it. */
  async filter(lines: Buffer, offsets: readonly number[], invert: boolean): Promise<number[]> {
    if (offsets.length === 0) return [];
    const begin = performance.now();
    const matches = await this.ask(this.question(lines, offsets));
    this.spentMs += performance.now() - begin;
    if (this.spentMs > this.totalMs) throw tooSlow();
    const wanted = invert ? 0 : 1;
    return offsets.filter((_, index) => matches[index >> 1] === wanted);
  }

  private question(lines: Buffer, offsets: readonly number[]): PatternQuestion {
    const ranges = new Uint32Array(offsets.length);
    let base = 0;
    for (let index = 0; index < offsets.length; index += 2) {
      const [start, end] = [offsets[index] as number, offsets[index + 1] as number];
      const hasParts = this.head.read(lines, start, end);
      ranges[index] = base + (hasParts ? this.head.messageAt - start : 0);
      ranges[index + 1] = base + (hasParts ? this.head.messageEnd : end - 1) - start;
      base += end - start;
    }
    return { bytes: copyLines(lines, offsets), ranges };
  }

  private ask(question: PatternQuestion): Promise<Uint8Array> {
    const worker = (this.worker ??= this.start());
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        worker.off("online", begin).off("message", answer).off("error", fail).off("exit", end);
        act();
      };
      const answer = (matches: Uint8Array): void => settle(() => resolve(matches));
      // Out of its own memory or stack, or out of time: only a pattern can do that.
      const fail = (): void => settle(() => reject(tooSlow()));
      const end = (): void => settle(() => reject(new AppError("unavailable", "The search was ended.")));
      // The time until the thread runs is the machine's, and an answer that is there already is heard of first.
      const begin = (): void => {
        this.isOnline = true;
        timer = setTimeout(() => setImmediate(fail), PATIENCE_MS);
      };
      if (this.isOnline) begin();
      else worker.once("online", begin);
      worker.on("message", answer).on("error", fail).on("exit", end);
      worker.postMessage(question, [question.ranges.buffer as ArrayBuffer]);
    });
  }

  private start(): Worker {
    if (threads >= THREADS_MAX) {
      throw new AppError("unavailable", `${String(THREADS_MAX)} searches by pattern are under way already.`, {
        hint: "End one of them, or look for a text with --search.",
      });
    }
    threads += 1;
    const worker = new Worker(new URL("pattern-worker.js", import.meta.url), {
      workerData: this.data,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
    });
    // What it fails with later, while it is being ended, concerns nobody.
    worker.on("error", () => undefined);
    return worker;
  }

  /** Ends the thread, whatever it is at. */
  async close(): Promise<void> {
    const { worker } = this;
    this.worker = undefined;
    this.isOnline = false;
    if (worker === undefined) return;
    await worker.terminate();
    threads -= 1;
  }
}

function tooSlow(): AppError {
  return new AppError("invalid_params", "The pattern takes too long on these lines.", {
    hint: "A repeat within a repeat, such as (a+)+, tries without end; --search looks for a text as it stands.",
  });
}
