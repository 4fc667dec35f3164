/** What a build or a release phase prints, in a file as it comes: for whoever watches it, and for whoever asks later. A
 *  file that cannot be written, as on a full disk, costs the output and nothing else. */
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { Changes } from "../formation/changes.ts";

/** Tools are cut at half of it (build/tool-output.ts). */
const KEPT_BYTES_MAX = 2 * 1024 * 1024;

export class KeptOutput {
  readonly #changes = new Changes();
  #file: number | undefined;
  #pieces: string[] = [];
  #bytes = 0;
  #isOver = false;

  readonly #path: string;
  #isOpened = false;

  /** @param isLazy nothing is in the file before `open` or `store` */
  constructor(path: string, { isLazy = false }: { isLazy?: boolean } = {}) {
    this.#path = path;
    if (!isLazy) this.open();
  }

  /** From here on the file has what was written. */
  open(): void {
    if (this.#isOpened) return;
    this.#isOpened = true;
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
      this.#file = openSync(this.#path, "w", 0o600);
      this.#store(this.text);
    } catch {
      this.#file = undefined;
    }
  }

  /** Puts into the file what has ended. */
  store(): void {
    this.open();
    this.#close();
  }

  /** Synchronous, so that a daemon that is killed has kept what was shown. */
  readonly write = (text: string): void => {
    if (this.#isOver || text === "" || this.#bytes > KEPT_BYTES_MAX) return;
    this.#bytes += Buffer.byteLength(text);
    this.#pieces.push(text);
    this.#store(text);
    this.#changes.tell();
  };

  /** Nothing more comes. */
  end(): void {
    this.#isOver = true;
    this.#close();
    this.#changes.tell();
  }

  /** Whether what is written now reaches the file. */
  get isStored(): boolean {
    return this.#file !== undefined;
  }

  get text(): string {
    return this.#pieces.join("");
  }

  /** What there is, then what comes; ends with the output, or when the signal aborts. */
  async *follow(signal: AbortSignal): AsyncGenerator<string, void, undefined> {
    for (let read = 0; !signal.aborted;) {
      const change = this.#changes.next(signal);
      const text = this.#pieces.slice(read).join("");
      read = this.#pieces.length;
      if (text !== "") yield text;
      else if (this.#isOver) return;
      else await change;
    }
  }

  #close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #store(text: string): void {
    if (this.#file === undefined) return;
    try {
      writeSync(this.#file, text);
    } catch {
      closeSync(this.#file);
      this.#file = undefined;
    }
  }
}

/** Undefined when nothing was kept, or no longer is. */
export function readKeptOutput(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}
