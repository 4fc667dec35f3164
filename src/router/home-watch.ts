/** Notices that the home of a router process is gone: its socket has no name any more. */
import { type FSWatcher, watch } from "node:fs";
import { access } from "node:fs/promises";
import { dirname } from "node:path";

/** Where directories cannot be watched (too many watches) this is the only way to notice. */
const LOOK_EVERY_MS = 10_000;

export class HomeWatch {
  private readonly path: string;
  private readonly onGone: () => void;
  private watcher: FSWatcher | undefined;
  private timer: NodeJS.Timeout | undefined;

  /** `onGone` is called at every look that does not find the file. */
  constructor(path: string, onGone: () => void) {
    this.path = path;
    this.onGone = onGone;
  }

  start(): void {
    this.timer = setInterval(() => this.look(), LOOK_EVERY_MS).unref();
    try {
      this.watcher = watch(dirname(this.path), { persistent: false }, () => this.look());
      this.watcher.on("error", () => undefined);
    } catch {
      return;
    }
  }

  look(): void {
    access(this.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ENOTDIR") this.onGone();
    });
  }

  stop(): void {
    clearInterval(this.timer);
    this.watcher?.close();
  }
}
