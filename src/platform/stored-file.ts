/** A small JSON file of the platform's own that is held in memory: read once, written whole, a change in force when it is on
 *  disk. One that is damaged counts as empty, and is left for somebody to mend. */
import { dirname } from "node:path";
import { AppError } from "../core/error.ts";
import { formatJson, type Json } from "../core/json.ts";
import { SerialQueue } from "../core/serial-queue.ts";
import { readIfThere, syncDirectory, writeDurably } from "../ledger/durable-file.ts";
import type { Journal } from "./journal.ts";

export interface StoredForm<T> {
  /** What the list is of, such as `tokens`. */
  what: string;
  /** What follows when the file is damaged: `nobody is let in over TCP`. */
  damage: string;
  /** Where there is no file. */
  empty: T;
  /** Undefined when it is not what `format` makes. */
  parse: (stored: Json) => T | undefined;
  format: (value: T) => Json;
}

export class StoredFile<T> {
  readonly #path: string;
  readonly #form: StoredForm<T>;
  readonly #changes = new SerialQueue();
  #value: T;
  /** Somebody must mend the file before it is written again. */
  readonly isDamaged: boolean;

  private constructor(path: string, form: StoredForm<T>, value: T | undefined) {
    this.#path = path;
    this.#form = form;
    this.#value = value ?? form.empty;
    this.isDamaged = value === undefined;
  }

  static async open<T>(path: string, form: StoredForm<T>, journal: Journal): Promise<StoredFile<T>> {
    try {
      const text = await readIfThere(path);
      const value = text === undefined ? form.empty : form.parse(JSON.parse(text) as Json);
      if (value === undefined) throw new Error("It is not of the known form.");
      return new StoredFile(path, form, value);
    } catch (error) {
      journal.fault(`reading the list of ${form.what}`, error);
      return new StoredFile(path, form, undefined);
    }
  }

  /** In force. */
  get value(): T {
    return this.#value;
  }

  /** @param next what it becomes; whatever it throws, or the same value, changes nothing
   *  @throws AppError unavailable when it cannot be stored: nothing was changed then */
  change(next: (value: T) => T): Promise<void> {
    return this.#changes.run(async () => {
      if (this.isDamaged) throw this.#damaged();
      const value = next(this.#value);
      if (value === this.#value) return;
      await this.#write(value).catch((error: unknown) => {
        throw new AppError("unavailable", `The list of ${this.#form.what} cannot be written.`, {
          hint: "Nothing was changed. Is the disk full?",
          cause: error,
        });
      });
      this.#value = value;
    });
  }

  /** Writes what is in force once more, as something in it has changed that need not be in time. */
  rewrite(): Promise<void> {
    return this.#changes.run(() => this.#write(this.#value));
  }

  /** Resolves when nothing is left to be written. */
  async close(): Promise<void> {
    await this.#changes.drained();
  }

  async #write(value: T): Promise<void> {
    await writeDurably(this.#path, formatJson(this.#form.format(value)), 0o600);
    await syncDirectory(dirname(this.#path));
  }

  #damaged(): AppError {
    return new AppError("unavailable", `${this.#path} is damaged, so ${this.#form.damage}.`, {
      hint: "Mend or remove it, then: git heroku server:restart",
    });
  }
}
