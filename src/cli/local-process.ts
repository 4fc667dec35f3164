/** One process on the developer's machine, in a session of its own, and what it prints, line by line. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { signalStatus } from "./interruption.ts";

export interface Ended {
  /** As a shell has it: 128 and the signal for one that was killed. */
  status: number;
  /** `exited with code 1`, `terminated by SIGKILL`. */
  words: string;
}

/** Commands are written for bash, as on the platform; both outputs are one, so that lines keep their order. */
const SHELL = 'if command -v bash >/dev/null; then exec bash -c "$1" 2>&1; else exec sh -c "$1" 2>&1; fi';
/** A longer line is shown in pieces. */
const LINE_LENGTH_MAX = 64 * 1024;
/** Somebody whom no signal reaches may hold the output open. */
const CLOSE_TIMEOUT_MS = 1_000;
/** The last words of a process are shown before its end is told, unless a descendant still holds its output. */
const LAST_WORDS_MS = 200;

export interface ProcessOrder {
  command: string;
  cwd: string;
  env: Record<string, string | undefined>;
}

export class LocalChild {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #printed: Promise<void>;

  /** @param onLine is waited for: who reads slowly slows the process down, as a pipe does. */
  private constructor(child: ChildProcess, onLine: (line: string) => Promise<void>) {
    this.#child = child;
    this.pid = child.pid ?? 0;
    this.#printed = printLines(child.stdout as Readable, onLine);
    this.ended = once(child, "exit").then(async ([code, signal]) => {
      await Promise.race([this.#printed, sleep(LAST_WORDS_MS)]);
      return describeEnd(code, signal);
    });
  }

  /** @throws Error when the machine cannot start another process. */
  static async start(order: ProcessOrder, onLine: (line: string) => Promise<void>): Promise<LocalChild> {
    const { command, cwd, env } = order;
    // An input that never ends: a program that watches files stops when its input does.
    const child = spawn("/bin/sh", ["-c", SHELL, "sh", command], {
      cwd,
      env,
      detached: true,
      stdio: ["pipe", "pipe", "ignore"],
    });
    child.stdin?.on("error", () => undefined);
    await once(child, "spawn");
    return new LocalChild(child, onLine);
  }

  /** Resolves when all that it printed is shown, once it and its descendants have ended. */
  async finish(): Promise<void> {
    // What is there already is read first, however late this process is at it.
    const timer = setTimeout(() => setImmediate(() => this.#child.stdout?.destroy()), CLOSE_TIMEOUT_MS);
    await this.#printed;
    clearTimeout(timer);
    this.#child.stdin?.destroy();
  }
}

function describeEnd(code: number | null, signal: NodeJS.Signals | null): Ended {
  if (signal !== null) return { status: signalStatus(signal), words: `terminated by ${signal}` };
  return { status: code ?? 1, words: `exited with code ${String(code)}` };
}

async function printLines(output: Readable, onLine: (line: string) => Promise<void>): Promise<void> {
  output.setEncoding("utf8");
  let rest = "";
  try {
    for await (const text of output) {
      const lines = (rest + String(text)).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) await onLine(line.replace(/\r$/, ""));
      for (; rest.length > LINE_LENGTH_MAX; rest = rest.slice(LINE_LENGTH_MAX)) {
        await onLine(rest.slice(0, LINE_LENGTH_MAX));
      }
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  }
  if (rest !== "") await onLine(rest);
}
