/** Brings the access lines of the router processes into the apps' logs. A router writes one spool for each app, named
 *  after itself and a number; what it does not write to any more is read to its end and removed. */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../core/error.ts";
import { SerialQueue } from "../core/serial-queue.ts";
import { ROUTER_DIRECTORY } from "../router/wire.ts";
import type { App } from "./app.ts";
import type { Platform } from "./platform.ts";

/** What was served while no daemon was there comes before what the new one has to say, unless that takes too long. */
const CATCH_UP_MS = 1_500;

export class AccessLogs {
  private readonly platform: Platform;
  private readonly liveSpools: () => ReadonlySet<string>;
  private readonly queues = new Map<App, SerialQueue>();

  constructor(platform: Platform, liveSpools: () => ReadonlySet<string>) {
    this.platform = platform;
    this.liveSpools = liveSpools;
  }

  /** Resolves when what an earlier daemon did not read is in the log, or soon will be.
   *  @throws node's error when the app's directory takes no other */
  async open(app: App): Promise<void> {
    await mkdir(this.directoryOf(app), { recursive: true, mode: 0o700 });
    const over = new AbortController();
    await Promise.race([this.follow(app), this.platform.clock.sleep(CATCH_UP_MS, over.signal)]);
    over.abort();
  }

  /** Routers have come, gone, or turned to new spools. */
  changed(): void {
    for (const app of this.queues.keys()) {
      if (app.isEnding) this.queues.delete(app);
      else void this.follow(app);
    }
  }

  /** One at a time: the lines of an older spool come before those of a newer one. */
  private async follow(app: App): Promise<void> {
    const queue = this.queues.get(app) ?? new SerialQueue();
    this.queues.set(app, queue);
    await queue.run(async () => {
      const live = this.liveSpools();
      const found = await readdir(this.directoryOf(app)).catch(() => []);
      for (const name of [...new Set([...found, ...live])].sort()) {
        if (!app.isEnding) await this.readSpool(app, name, live.has(name));
      }
    });
  }

  private async readSpool(app: App, name: string, isLive: boolean): Promise<void> {
    const path = join(this.directoryOf(app), name);
    app.logs.attach({ id: name, path, ps: "router", release: undefined, isStamped: true });
    if (isLive) return;
    try {
      await app.logs.finish(name);
      await rm(path, { force: true });
    } catch (error) {
      // The log has said why it cannot be read, or it closes and leaves the rest to the next daemon.
      if (!(error instanceof AppError)) this.platform.journal.fault(`access lines of ${app.name}`, error);
    }
  }

  private directoryOf(app: App): string {
    return join(this.platform.home.app(app.name), ROUTER_DIRECTORY);
  }
}
