/** What it takes to write into an app's repository, and the rule for the two stamps of each commit. */
import type { Clock } from "../core/clock.ts";
import type { Person } from "../core/person.ts";
import type { Stamp } from "../core/release-commit.ts";
import type { LedgerKey } from "./ledger-key.ts";
import type { ObjectStore } from "./object-store.ts";
import type { RefUpdater } from "./ref-updater.ts";

export interface Ink {
  objects: ObjectStore;
  refs: RefUpdater;
  /** Signs every commit until a release has announced `nextKey`. */
  signingKey: LedgerKey;
  /** What the next release announces, and what signs from then on. */
  nextKey?: LedgerKey | undefined;
  /** The platform. */
  committer: Person;
  clock: Clock;
}

/** Author: who asked, and when. Committer: the platform, now, but never before the commit it follows. */
export async function stamp(
  ink: Ink,
  author: { by: Person; askedAt?: number | undefined },
  parent: string | undefined,
): Promise<{ author: Stamp; committer: Stamp }> {
  const now = ink.clock.now();
  const previous = parent === undefined ? 0 : (await ink.objects.readCommit(parent)).committer.seconds;
  return {
    author: { person: author.by, seconds: seconds(author.askedAt ?? now) },
    committer: { person: ink.committer, seconds: Math.max(seconds(now), previous) },
  };
}

function seconds(ms: number): number {
  return Math.max(0, Math.floor(ms / 1000));
}
