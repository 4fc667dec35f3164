/** Where a bisection is kept: `bisect.json` of an app, read once and written whole, one change at a time. */
import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { formatBisect, parseBisect, type BisectRecord } from "../core/bisect-record.ts";
import { SerialQueue } from "../core/serial-queue.ts";
import { readIfThere, syncDirectory, writeDurably } from "../ledger/durable-file.ts";

export class BisectFile {
  readonly #path: string;
  readonly #writes = new SerialQueue();
  #record: BisectRecord | undefined;
  #isLoaded = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws AppError conflict when it cannot be read. */
  async read(): Promise<BisectRecord | undefined> {
    if (!this.#isLoaded) {
      const text = await readIfThere(this.#path);
      // Another call may have read it, or changed it, meanwhile.
      if (!this.#isLoaded && text !== undefined) this.#record = parseBisect(text);
      this.#isLoaded = true;
    }
    return this.#record;
  }

  /** What it resolves with is on disk; undefined removes the file. The same record again changes nothing. */
  change(change: (record: BisectRecord | undefined) => BisectRecord | undefined): Promise<BisectRecord | undefined> {
    return this.#writes.run(async () => {
      const after = change(this.#record);
      if (after !== undefined && after === this.#record) return after;
      if (after === undefined) await rm(this.#path, { force: true });
      else await writeDurably(this.#path, formatBisect(after), 0o600);
      await syncDirectory(dirname(this.#path));
      this.#record = after;
      this.#isLoaded = true;
      return after;
    });
  }

  /** Also one that cannot be read. Returns whether there was any. */
  async remove(): Promise<boolean> {
    const isThere = (await readIfThere(this.#path)) !== undefined;
    await this.change(() => undefined);
    return isThere;
  }

  drained(): Promise<void> {
    return this.#writes.drained();
  }
}
