/** Numbers of one-off processes: `run.1`, `run.2` … A number does not come again soon, also after a restart of the
 *  daemon, so that the lines of one name in the log are those of one process. */
import { readFile, rename, writeFile } from "node:fs/promises";
import { SerialQueue } from "../core/serial-queue.ts";

/** The longest number that a process name may have (core/formation-plan.ts). */
const NUMBER_MAX = 999_999;

export class OneOffNumbers {
  readonly #file: string;
  readonly #writes = new SerialQueue();
  #last = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** A file that is missing or spoilt costs nothing but the memory of names. */
  async load(): Promise<void> {
    const text = await readFile(this.#file, "utf8").catch(() => "");
    if (/^[0-9]{1,6}\n$/.test(text)) this.#last = Math.max(this.#last, Number(text));
  }

  /** The next one that nobody has. */
  next(isTaken: (number: number) => boolean): number {
    do this.#last = this.#last >= NUMBER_MAX ? 1 : this.#last + 1;
    while (isTaken(this.#last));
    return this.#last;
  }

  /** Resolves when the newest number is in the file. */
  save(): Promise<void> {
    return this.#writes.run(async () => {
      await writeFile(`${this.#file}.tmp`, `${String(this.#last)}\n`, { mode: 0o600 });
      await rename(`${this.#file}.tmp`, this.#file);
    });
  }
}
