/** What the next daemon cannot learn from processes: the dynos that have none, because they crashed or sleep. Without it a
 *  restart of the daemon would start them all, whatever their restart policy says. */
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { formatJson } from "../core/json.ts";
import type { DynoProcess } from "./dyno-process.ts";

/** One dyno without a process (docs/formats.md, "Files of a home"). */
export interface Rest {
  readonly state: "crashed" | "idle";
  readonly release: number;
  /** When it came to be so, milliseconds since the epoch. */
  readonly since: number;
  readonly crashes: number;
  /** Processes that it has had. */
  readonly starts: number;
  /** The id of the last one, of which everything was told. */
  readonly process: string;
}

export type Rests = ReadonlyMap<string, Rest>;

export class RestBook {
  readonly #file: string;
  readonly #onFault: (error: unknown) => void;
  #text = "";
  #writing: Promise<void> = Promise.resolve();

  constructor(file: string, onFault: (error: unknown) => void) {
    this.#file = file;
    this.#onFault = onFault;
  }

  /** Process name → how it rests. A file that cannot be read counts as none. */
  async read(): Promise<Rests> {
    try {
      this.#text = await readFile(this.#file, "utf8");
      return new Map(Object.entries(JSON.parse(this.#text) as Record<string, Rest>));
    } catch {
      return new Map();
    }
  }

  /** Writes what differs, the newest of all that is asked for meanwhile. */
  keep(dynos: Iterable<DynoProcess>): void {
    const rests = [...dynos].flatMap((dyno) => (dyno.rest === undefined ? [] : [[dyno.ps, dyno.rest] as const]));
    const text = rests.length === 0 ? "" : formatJson(Object.fromEntries(rests.map(([ps, rest]) => [ps, { ...rest }])));
    if (text === this.#text) return;
    this.#text = text;
    this.#writing = this.#writing
      .then(() => (this.#text === text ? this.#write(text) : undefined))
      .catch(this.#onFault);
  }

  /** Resolves when everything that was to be kept is on disk. */
  kept(): Promise<void> {
    return this.#writing;
  }

  async #write(text: string): Promise<void> {
    if (text === "") return rm(this.#file, { force: true });
    await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 });
    await writeFile(`${this.#file}.tmp`, text, { mode: 0o600 });
    await rename(`${this.#file}.tmp`, this.#file);
  }
}
