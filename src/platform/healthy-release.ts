/** The newest release of an app that has had a web process up: `last-healthy` in the app's directory. It is where an
 *  automatic rollback goes, and what keeps one that was healthy from being rolled back when it crashes later. */
import { SerialQueue } from "../core/serial-queue.ts";
import { readIfThere, writeDurably } from "../ledger/durable-file.ts";

export class HealthyRelease {
  readonly #path: string;
  readonly #writes = new SerialQueue();
  #version = 0;
  #read: Promise<void> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** 0 when there is none. */
  async version(): Promise<number> {
    await (this.#read ??= this.#load());
    return this.#version;
  }

  /** Counts at once; resolves when it is on disk. */
  async note(version: number): Promise<void> {
    const known = this.#version;
    this.#version = Math.max(known, version);
    await this.version();
    if (version < this.#version || version === known) return;
    await this.#writes.run(() => writeDurably(this.#path, `${String(version)}\n`, 0o600));
  }

  drained(): Promise<void> {
    return this.#writes.drained();
  }

  async #load(): Promise<void> {
    const text = await readIfThere(this.#path);
    this.#version = Math.max(this.#version, Number.parseInt(text ?? "0") || 0);
  }
}
