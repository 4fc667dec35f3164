/** Tells when a spool is worth reading. Asleep while nothing is written, awake at each write; but where there are thousands a
 *  second, waking would cost more than reading: such spools are looked at together, some hundred times a second, until they
 *  are quiet again. */
import { watch } from "node:fs";
import type { FSWatcher } from "node:fs";

/** So many writes in so short a time are too many to wake for each. */
const WAKES_MAX = 64;
const WINDOW_MS = 32;
const PACE_MS = 2;
/** After so many looks at nothing new it is quiet. */
const QUIET_LOOKS = 50;
/** Where files cannot be watched (too many watches), they are looked at this often. */
const POLL_MS = 500;

/** Called after every write to the file, though perhaps once for several, and perhaps more often; told whether it is one of
 *  many looks that are made together. */
export type Look = (isOneOfMany: boolean) => void;

const paced = new Set<Look>();
let ticker: NodeJS.Timeout | undefined;

function pace(look: Look): void {
  paced.add(look);
  ticker ??= setInterval(() => {
    for (const one of paced) one(true);
  }, PACE_MS);
}

function stopPacing(look: Look): void {
  if (!paced.delete(look) || paced.size > 0) return;
  clearInterval(ticker);
  ticker = undefined;
}

export class SpoolWatch {
  private readonly path: string;
  private readonly look: Look;
  private watcher: FSWatcher | undefined;
  private poll: NodeJS.Timeout | undefined;
  private windowStart = 0;
  private wakes = 0;
  private quietLooks = 0;

  constructor(path: string, onChange: Look) {
    this.path = path;
    this.look = onChange;
    this.watch();
  }

  private watch(): void {
    try {
      this.watcher = watch(this.path, () => this.wake());
      this.watcher.on("error", () => this.pollInstead());
    } catch {
      this.pollInstead();
    }
  }

  private wake(): void {
    const now = performance.now();
    if (now - this.windowStart > WINDOW_MS) [this.windowStart, this.wakes] = [now, 0];
    this.wakes += 1;
    if (this.wakes > WAKES_MAX) {
      this.watcher?.close();
      this.quietLooks = 0;
      pace(this.look);
    }
    this.look(false);
  }

  /** To be told after each reading, and how many bytes it found. */
  found(bytes: number): void {
    if (!paced.has(this.look)) return;
    this.quietLooks = bytes > 0 ? 0 : this.quietLooks + 1;
    if (this.quietLooks < QUIET_LOOKS) return;
    stopPacing(this.look);
    this.watch();
    // What was written since the last look, and before the watch, wakes nobody.
    this.look(false);
  }

  private pollInstead(): void {
    this.watcher?.close();
    this.poll ??= setInterval(() => this.look(false), POLL_MS);
  }

  close(): void {
    clearInterval(this.poll);
    stopPacing(this.look);
    this.watcher?.close();
  }
}
