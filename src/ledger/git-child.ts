/** A git process that stays: started by the first write, started again by the first write after it died, and let go
 *  after a minute of quiet, because a machine may hold many apps that nobody touches. */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { gitArguments, type Repository } from "./git-process.ts";

export interface ChildEnd {
  signal: NodeJS.Signals | null;
  /** The end of what the process wrote to standard error. */
  stderr: string;
}

export interface GitChildOptions {
  repository: Repository;
  args: readonly string[];
  onOutput(chunk: Buffer): void;
  /** The process ended by itself, with all its output delivered; not called for one that was let go. */
  onEnd(end: ChildEnd): void;
  /** False while an answer is awaited. */
  isIdle(): boolean;
  /** How long it may be quiet; a minute, when left out. */
  idleMs?: number;
}

const IDLE_MS = 60_000;
const STDERR_KEPT = 4096;

export class GitChild {
  readonly #options: GitChildOptions;
  #isClosed = false;
  #process: ChildProcessWithoutNullStreams | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  /** Resolved when every process of this child is gone. */
  #gone: Promise<unknown> = Promise.resolve();

  constructor(options: GitChildOptions) {
    this.#options = options;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  write(text: string): void {
    if (this.#isClosed) throw new Error("The ledger is closed.");
    this.#process ??= this.#start();
    this.#process.stdin.write(text);
    this.#idleTimer ??= setTimeout(() => this.#letGoIfIdle(), this.#options.idleMs ?? IDLE_MS).unref();
    this.#idleTimer.refresh();
  }

  /** Ends the process in the middle of what it does, without a word to `onEnd`; the next write starts another. */
  kill(): void {
    const child = this.#process;
    this.#letGo();
    child?.kill();
  }

  /** Nothing may be awaited any more. Resolves when the process is gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#letGo();
    await this.#gone;
  }

  #letGoIfIdle(): void {
    if (this.#options.isIdle()) this.#letGo();
    else this.#idleTimer?.refresh();
  }

  #letGo(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = undefined;
    this.#process?.stdin.end();
    this.#process = undefined;
  }

  #start(): ChildProcessWithoutNullStreams {
    const { repository, args } = this.#options;
    const child = spawn("git", gitArguments(repository, args), { cwd: repository.path, env: { ...repository.env } });
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => {
      if (this.#process === child) this.#options.onOutput(chunk);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-STDERR_KEPT);
    });
    // A write to a process that is just dying; its end is told below.
    child.stdin.on("error", () => undefined);
    const before = this.#gone;
    this.#gone = new Promise<void>((resolve) => {
      const ended = (signal: NodeJS.Signals | null): void => {
        resolve();
        if (this.#process !== child) return;
        this.#process = undefined;
        this.#options.onEnd({ signal, stderr: stderr.trim() });
      };
      child.once("error", (error) => {
        stderr += error.message;
        if (child.pid === undefined) ended(null);
      });
      child.once("close", (_code, signal) => ended(signal));
    }).then(() => before);
    return child;
  }
}
