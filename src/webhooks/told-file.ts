/** What the receivers of one app's events have been told of, so that the next daemon tells them what this one came to know
 *  and could not tell: `told.json` beside the deliveries. It is written after them, and like them without waiting for the disk. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { formatJson, type Json } from "../core/json.ts";

/** Each is there when a webhook wants to know of that kind. */
export interface Told {
  /** The newest version. */
  release?: number;
  /** Ids of builds that have begun, and not ended. */
  builds?: readonly string[];
  /** By process type, those that were ever scaled. */
  formation?: Readonly<Record<string, number>>;
  /** The state of each process. */
  dynos?: Readonly<Record<string, string>>;
}

export class ToldFile {
  readonly #path: string;
  readonly #onFault: (error: unknown) => void;
  #value: Told | undefined;

  constructor(path: string, onFault: (error: unknown) => void) {
    this.#path = path;
    this.#onFault = onFault;
  }

  /** Nothing where there is no such file, or half of one, as a power cut may leave. */
  get value(): Told {
    return (this.#value ??= this.#read());
  }

  /** A kind that is undefined goes. */
  set(told: Told): void {
    const kinds = Object.entries(told).filter(([, value]) => value !== undefined);
    this.#value = Object.fromEntries(kinds) as Told;
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
      writeFileSync(`${this.#path}.tmp`, formatJson(this.#value as Json), { mode: 0o600 });
      renameSync(`${this.#path}.tmp`, this.#path);
    } catch (error) {
      this.#onFault(error);
    }
  }

  #read(): Told {
    try {
      return JSON.parse(readFileSync(this.#path, "utf8")) as Told;
    } catch {
      return {};
    }
  }
}
