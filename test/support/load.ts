/** Visitors who never stop: reads, uploads and slow pages, on kept and on new connections, each answer checked. Between
 *  two requests a visitor reads for a moment, or they would take the processor from what they visit. */
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

export interface Load {
  /** What went wrong, in words; empty when every request was answered as it should be. */
  readonly failures: string[];
  /** Answered so far. */
  readonly answered: number;
  /** Every path that was asked for and answered. */
  readonly paths: readonly string[];
  /** Resolves when that many more were answered. */
  more(count: number): Promise<void>;
  /** Lets what is under way be answered, then ends. */
  stop(): Promise<void>;
}

export interface LoadOptions {
  port: number;
  /** Of the Host header. */
  host: string;
  /** Visitors at a time. */
  visitors?: number;
  /** A path that the app answers after a while; every tenth request asks for it. */
  slowPath?: string;
}

const READING_MS = 10;
const UPLOAD = "x".repeat(2_000);

class Visitors implements Load {
  readonly failures: string[] = [];
  readonly paths: string[] = [];
  readonly #options: LoadOptions;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #running: Promise<void>[];
  #count = 0;
  #isOver = false;
  #waiting: { at: number; wake: () => void }[] = [];

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#running = Array.from({ length: options.visitors ?? 8 }, () => this.#visit());
  }

  get answered(): number {
    return this.paths.length;
  }

  more(count: number): Promise<void> {
    return new Promise((wake) => this.#waiting.push({ at: this.answered + this.failures.length + count, wake }));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
    this.#agent.destroy();
  }

  async #visit(): Promise<void> {
    while (!this.#isOver) {
      await this.#ask();
      const done = this.answered + this.failures.length;
      this.#waiting = this.#waiting.filter(({ at, wake }) => {
        if (at <= done) wake();
        return at > done;
      });
      await sleep(READING_MS);
    }
  }

  #ask(): Promise<void> {
    this.#count += 1;
    const number = this.#count;
    const method = number % 5 === 0 ? "POST" : "GET";
    const { port, host, slowPath } = this.#options;
    const path = `${number % 10 === 0 && slowPath !== undefined ? slowPath : "/"}?n=${String(number)}`;
    return new Promise((resolve) => {
      const fail = (reason: string): void => {
        this.failures.push(`${method} ${path}: ${reason}`);
        resolve();
      };
      const outgoing = request({
        host: "127.0.0.1",
        port,
        method,
        path,
        // Every seventh comes on a connection of its own.
        agent: number % 7 === 0 ? false : this.#agent,
        headers: { host, ...(method === "POST" && { "content-length": UPLOAD.length }) },
      });
      outgoing.on("response", (answer) => {
        answer.on("error", (error) => fail(error.message)).resume();
        answer.on("end", () => {
          if (answer.statusCode !== 200) return fail(`status ${String(answer.statusCode)}`);
          this.paths.push(path);
          resolve();
        });
      });
      outgoing.on("error", (error) => fail(error.message));
      outgoing.end(method === "POST" ? UPLOAD : undefined);
    });
  }
}

/** Begins at once. */
export function startLoad(options: LoadOptions): Load {
  return new Visitors(options);
}
