/** A list in `access/` that says who may come in: read once, written whole, a change in force when it is on disk. A file that
 *  is damaged lets nobody in rather than some, and is left for somebody to mend. */
import { dirname } from "node:path";
import { AppError } from "../core/error.ts";
import { formatJson, type Json } from "../core/json.ts";
import { SerialQueue } from "../core/serial-queue.ts";
import { readIfThere, syncDirectory, writeDurably } from "../ledger/durable-file.ts";
import type { Journal } from "./journal.ts";

export interface AccessForm<T> {
  /** What the list is of, such as `tokens`. */
  what: string;
  /** Undefined when it is not of the known form. */
  parse: (stored: unknown) => T[] | undefined;
  format: (entries: readonly T[]) => Json;
}

export class AccessFile<T> {
  readonly #path: string;
  readonly #form: AccessForm<T>;
  readonly #changes = new SerialQueue();
  #entries: readonly T[];
  readonly isDamaged: boolean;

  private constructor(path: string, form: AccessForm<T>, entries: readonly T[] | undefined) {
    this.#path = path;
    this.#form = form;
    this.#entries = entries ?? [];
    this.isDamaged = entries === undefined;
  }

  static async open<T>(path: string, form: AccessForm<T>, journal: Journal): Promise<AccessFile<T>> {
    try {
      const text = await readIfThere(path);
      const entries = text === undefined ? [] : form.parse(JSON.parse(text));
      if (entries === undefined) throw new Error("It is not of the known form.");
      return new AccessFile(path, form, entries);
    } catch (error) {
      journal.fault(`reading the list of ${form.what}`, error);
      return new AccessFile(path, form, undefined);
    }
  }

  /** In force. */
  get entries(): readonly T[] {
    return this.#entries;
  }

  /** @param next what it becomes; whatever it throws changes nothing
   *  @throws AppError unavailable when it cannot be written */
  change(next: (entries: readonly T[]) => readonly T[]): Promise<void> {
    return this.#changes.run(async () => {
      if (this.isDamaged) throw this.#damaged();
      const entries = next(this.#entries);
      if (entries === this.#entries) return;
      await this.#write(entries).catch((error: unknown) => {
        throw new AppError("unavailable", `The list of ${this.#form.what} cannot be written.`, {
          hint: "Nothing was changed. Is the disk full?",
          cause: error,
        });
      });
      this.#entries = entries;
    });
  }

  /** Resolves when nothing is left to be written. */
  async close(): Promise<void> {
    await this.#changes.drained();
  }

  async #write(entries: readonly T[]): Promise<void> {
    await writeDurably(this.#path, formatJson(this.#form.format(entries)), 0o600);
    await syncDirectory(dirname(this.#path));
  }

  #damaged(): AppError {
    return new AppError("unavailable", `${this.#path} is damaged, so none of the ${this.#form.what} is in force.`, {
      hint: "Mend or remove it, then: git heroku server:restart",
    });
  }
}
