/** A small JSON file of the platform's own that is held in memory: read once, and on disk before a change of it is in force. */
import { dirname } from "node:path";
import { AppError } from "../core/error.ts";
import { formatJson, type Json } from "../core/json.ts";
import { SerialQueue } from "../core/serial-queue.ts";
import { readIfThere, syncDirectory, writeDurably } from "../ledger/durable-file.ts";
import type { Journal } from "./journal.ts";

export interface StoredForm<T> {
  path: string;
  /** Where there is no file. */
  empty: T;
  /** Undefined when it is not what `format` makes. */
  parse: (stored: Json) => T | undefined;
  format: (value: T) => Json;
}

export class StoredFile<T> {
  readonly #form: StoredForm<T>;
  readonly #changes = new SerialQueue();
  #value: T;
  /** Somebody must mend the file before it is written again. */
  readonly #isDamaged: boolean;

  private constructor(form: StoredForm<T>, value: T | undefined) {
    this.#form = form;
    this.#value = value ?? form.empty;
    this.#isDamaged = value === undefined;
  }

  /** One that cannot be read is told in the journal, counts as empty, and is left as it is. */
  static async open<T>(form: StoredForm<T>, journal: Journal): Promise<StoredFile<T>> {
    try {
      const text = await readIfThere(form.path);
      const value = text === undefined ? form.empty : form.parse(JSON.parse(text) as Json);
      if (value === undefined) throw new Error("It is not of the known form.");
      return new StoredFile(form, value);
    } catch (error) {
      journal.fault(`reading ${form.path}`, error);
      return new StoredFile(form, undefined);
    }
  }

  get value(): T {
    return this.#value;
  }

  /** One change at a time; what `next` throws changes nothing.
   *  @throws AppError unavailable when it cannot be stored: nothing was changed then */
  change(next: (value: T) => T): Promise<void> {
    return this.#changes.run(async () => {
      const { path, format } = this.#form;
      if (this.#isDamaged) throw damaged(path);
      const value = next(this.#value);
      try {
        await writeDurably(path, formatJson(format(value)), 0o600);
        await syncDirectory(dirname(path));
      } catch (error) {
        throw new AppError("unavailable", `${path} cannot be written.`, {
          hint: "Nothing was changed. Is the disk full?",
          cause: error,
        });
      }
      this.#value = value;
    });
  }
}

function damaged(path: string): AppError {
  return new AppError("unavailable", `${path} is damaged.`, {
    hint: "Mend or remove it, then: git heroku server:restart",
  });
}
