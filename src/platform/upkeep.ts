/** Upkeep of the repositories and of what was built, by the daemon and never by a push: one app at a time, when enough was written
 *  or something was built, when nothing is being built, and once some time after the start. Between writes no timer runs, so that an idle platform is idle. */
import type { Clock } from "../core/clock.ts";
import { SerialQueue } from "../core/serial-queue.ts";
import type { App } from "./app.ts";
import type { Journal } from "./journal.ts";

/** Looking costs as much as one small write. */
const WRITES_BETWEEN_LOOKS = 100;
/** What wrote so much is likely to be busy still; and how long to wait for the end of a build. */
export const QUIET_MS = 10_000;
/** By then the apps of a machine that has just started are up. */
export const AFTER_START_MS = 5 * 60_000;

export class Upkeep {
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #slugs: (app: App) => Promise<void>;
  readonly #repositories = new SerialQueue();
  readonly #writes = new WeakMap<App, number>();
  readonly #planned = new WeakSet<App>();
  /** Not yet kept up since the start. */
  readonly #opened = new WeakSet<App>();

  /** @param slugs lets those go that nothing needs, and looks at the others */
  constructor(clock: Clock, journal: Journal, slugs: (app: App) => Promise<void>) {
    this.#clock = clock;
    this.#journal = journal;
    this.#slugs = slugs;
  }

  /** An app was opened. */
  opened(app: App): void {
    this.#opened.add(app);
    void this.#keepUpAfter(app, AFTER_START_MS).then(() => this.#opened.delete(app));
  }

  /** Something was written to the app's repository. */
  wrote(app: App): void {
    const writes = (this.#writes.get(app) ?? 0) + 1;
    this.#writes.set(app, writes % WRITES_BETWEEN_LOOKS);
    if (writes >= WRITES_BETWEEN_LOOKS) this.#plan(app);
  }

  /** A slug was made. */
  built(app: App): void {
    this.#plan(app);
  }

  /** A slug was asked for that was there. */
  launched(app: App): void {
    if (!this.#opened.has(app)) this.#plan(app);
  }

  #plan(app: App): void {
    if (this.#planned.has(app)) return;
    this.#planned.add(app);
    void this.#keepUpAfter(app, QUIET_MS).then(() => this.#planned.delete(app));
  }

  /** Never rejects. */
  async #keepUpAfter(app: App, delayMs: number): Promise<void> {
    await this.#clock.sleep(delayMs, app.ending);
    while (app.pushes.length > 0 && !app.isEnding) await this.#clock.sleep(QUIET_MS, app.ending);
    await this.#repositories.run(async () => {
      // An app that closes waits for its own upkeep alone, which its end cuts short.
      if (!app.isEnding) await (app.upkeep = this.#keepUp(app).then(() => this.#keepSlugs(app)));
    });
  }

  async #keepUp(app: App): Promise<void> {
    try {
      if (!(await app.ledger.isUpkeepDue())) return;
      const startedAt = this.#clock.now();
      await app.ledger.keepUp(app.ending);
      const seconds = ((this.#clock.now() - startedAt) / 1000).toFixed(1);
      if (!app.isEnding) this.#journal.note(`packed the repository of ${app.name} in ${seconds} s`);
    } catch (error) {
      this.#journal.fault(`upkeep of ${app.name}`, error);
    }
  }

  async #keepSlugs(app: App): Promise<void> {
    try {
      if (!app.isEnding) await this.#slugs(app);
    } catch (error) {
      if (!app.isEnding) this.#journal.fault(`keeping the slugs of ${app.name}`, error);
    }
  }
}
