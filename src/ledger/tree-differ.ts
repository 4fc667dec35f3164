/** Compares trees through one long-lived `git diff-tree --stdin`, one question at a time: a process of its own for each
 *  would cost the daemon as much as the comparison itself. */
import { randomUUID } from "node:crypto";
import { GitChild } from "./git-child.ts";
import type { Repository } from "./git-process.ts";

interface Question {
  /** What git writes behind the answer: a line that is no object id is handed back. */
  end: Buffer;
  chunks: Buffer[];
  bytes: number;
  bytesMax: number;
  resolve(answer: Buffer | "too much" | undefined): void;
}

export class TreeDiffer {
  readonly #child: GitChild;
  #asked: Question | undefined;

  /** `format` are options of `git diff-tree`. */
  constructor(repository: Repository, format: readonly string[]) {
    this.#child = new GitChild({
      repository,
      args: ["diff-tree", "--stdin", "-r", ...format],
      onOutput: (chunk) => this.#take(chunk),
      onEnd: () => this.#answer(undefined),
      isIdle: () => this.#asked === undefined,
    });
  }

  /** Starts the process, for a question that will be asked in a moment. */
  prepare(): void {
    this.#child.write("");
  }

  /** What git prints for the two trees. Undefined while another question is being answered, and when git cannot tell:
   *  it says why only where it is run for that alone. */
  ask(from: string, to: string, bytesMax: number): Promise<Buffer | "too much" | undefined> {
    if (this.#asked !== undefined) return Promise.resolve(undefined);
    const head = `${from} ${to}\n`;
    const end = `${randomUUID()}\n`;
    return new Promise((resolve) => {
      this.#child.write(head + end);
      const withoutHead = (answer: Buffer | "too much" | undefined): void =>
        resolve(answer instanceof Buffer ? afterHead(answer, head) : answer);
      this.#asked = { end: Buffer.from(end), chunks: [], bytes: 0, bytesMax, resolve: withoutHead };
    });
  }

  /** Resolves when the process is gone; who waits for an answer gets none. */
  close(): Promise<void> {
    this.#answer(undefined);
    return this.#child.close();
  }

  #take(chunk: Buffer): void {
    const asked = this.#asked;
    if (asked === undefined) return;
    asked.chunks.push(chunk);
    asked.bytes += chunk.length;
    if (asked.bytes > asked.bytesMax) {
      this.#child.kill();
      this.#answer("too much");
    } else if (endsWith(asked.chunks, asked.end)) {
      this.#answer(Buffer.concat(asked.chunks).subarray(0, -asked.end.length));
    }
  }

  #answer(answer: Buffer | "too much" | undefined): void {
    this.#asked?.resolve(answer);
    this.#asked = undefined;
  }
}

/** git repeats what it compares; where it does not, it has not compared. */
function afterHead(answer: Buffer, head: string): Buffer | undefined {
  return answer.toString("latin1", 0, head.length) === head ? answer.subarray(head.length) : undefined;
}

function endsWith(chunks: readonly Buffer[], end: Buffer): boolean {
  let length = 0;
  let first = chunks.length;
  while (first > 0 && length < end.length) length += chunks[--first]?.length ?? 0;
  return length >= end.length && Buffer.concat(chunks.slice(first)).subarray(-end.length).equals(end);
}
