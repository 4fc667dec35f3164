/** Whether an app sleeps (`autosleep`): its processes are stopped until a request comes. Kept in a file of the app's own
 *  directory, not in the ledger: nobody decided it, and a restored app is awake. */
import { rm } from "node:fs/promises";
import { formationTypes, WEB_TYPE, type Procfile } from "../core/procfile.ts";
import type { Settings } from "../core/settings.ts";
import { readIfThere, writeDurably } from "../ledger/durable-file.ts";

export class Sleep {
  readonly #path: string;
  #isAsleep = false;

  constructor(path: string) {
    this.#path = path;
  }

  get isAsleep(): boolean {
    return this.#isAsleep;
  }

  /** Whether an earlier daemon left it asleep, in this very release. */
  async recall(release: number): Promise<void> {
    const text = await readIfThere(this.#path);
    this.#isAsleep = text === `{"release":${String(release)}}\n`;
  }

  /** On disk before any process is told: a daemon that dies in between leaves it to the next. */
  async begin(release: number): Promise<void> {
    if (this.#isAsleep) return;
    await writeDurably(this.#path, `{"release":${String(release)}}\n`, 0o600);
    this.#isAsleep = true;
  }

  /** Before any process is started. */
  async end(): Promise<void> {
    await rm(this.#path, { force: true });
    this.#isAsleep = false;
  }

  types(procfile: Procfile, settings: Settings): Set<string> {
    if (!this.#isAsleep) return new Set();
    return new Set(settings.autosleepWorkers ? formationTypes(procfile) : [WEB_TYPE]);
  }
}
