/** The release whose release command runs: `pending-release.json` of an app says what it is to be. A file that is found
 *  when nobody waits for a command is of a daemon that died: that version has failed. No secret is in it, since config
 *  vars are encrypted as in the ledger. */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Json } from "../core/json.ts";
import { formatJson } from "../core/json.ts";
import type { Release } from "../core/release.ts";
import type { NewRelease } from "../ledger/release-writer.ts";
import { readIfThere, syncDirectory, writeDurably } from "../ledger/durable-file.ts";
import type { App } from "./app.ts";
import type { Platform } from "./platform.ts";

export interface PendingRelease {
  version: number;
  asked: NewRelease;
}

export class PendingReleaseFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Resolves when it is on disk. */
  async write(pending: PendingRelease): Promise<void> {
    // Undefined fields are left out by JSON, and mean the same when they are missing.
    await writeDurably(this.#path, formatJson(JSON.parse(JSON.stringify(pending)) as Json), 0o600);
    await syncDirectory(dirname(this.#path));
  }

  async read(): Promise<PendingRelease | undefined> {
    // Every release asks, and seldom is it there: a look is faster than a trip to the thread pool.
    const text = existsSync(this.#path) ? await readIfThere(this.#path) : undefined;
    return text === undefined ? undefined : (JSON.parse(text) as PendingRelease);
  }

  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}

/** The deploy branch does not follow a failed deploy. */
export function asFailed({ deployRef: _none, ...asked }: NewRelease): NewRelease {
  return { ...asked, status: "failed" };
}

const LOST = "the platform stopped while it ran";

/** Records what a daemon that died has left pending, as failed. The process itself is stopped by `OneOffs`.
 *  @throws Error when the ledger cannot be written; then the next call tries again. */
export async function settleLostRelease(platform: Platform, app: App): Promise<void> {
  const pending = await app.pendingRelease.read();
  if (pending === undefined) return;
  const release = await app.ledger.append(async ({ head }): Promise<NewRelease | undefined> => {
    // Recorded already, when the daemon died after that.
    return (head?.version ?? 0) >= pending.version ? undefined : asFailed(pending.asked);
  });
  if (release !== undefined) tellLost(platform, app, release);
  await app.pendingRelease.remove();
}

function tellLost(platform: Platform, app: App, release: Release): void {
  const { version } = release;
  app.tell({ entity: "api:release", release });
  app.logFailedRelease(version, LOST);
  platform.journal.note(`v${String(version)} of ${app.name} has failed: ${LOST}`);
}
