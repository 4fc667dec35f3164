/** What one release is made of, beyond what its commit says: found by the version alone, however long the ledger is. */
import { parseAddons } from "../core/addons-json.ts";
import { parseProcfile, type Procfile } from "../core/procfile.ts";
import type { Release } from "../core/release.ts";
import { configNames } from "../ledger/config-lines.ts";
import type { App } from "./app.ts";

export interface ReleaseDetails {
  /** The subject of the deployed commit; undefined before the first deploy. */
  commitSubject: string | undefined;
  /** Names only, sorted. */
  configNames: string[];
  addonNames: string[];
  processTypes: Procfile;
  /** What a rollback copied. */
  copyOf: Release | undefined;
  /** Whose change a revert took back. */
  takesBack: Release | undefined;
}

export async function describeRelease(app: App, release: Release): Promise<ReleaseDetails> {
  const named = async (other: { version: number } | undefined): Promise<Release | undefined> =>
    other && app.ledger.get(other.version);
  const [snapshot, commitSubject, copyOf, takesBack] = await Promise.all([
    app.ledger.snapshot(release),
    release.code === undefined ? undefined : app.ledger.history.subject(release.code),
    named(release.rollbackTo),
    named(release.reverts),
  ]);
  return {
    commitSubject,
    configNames: configNames(snapshot.configEnv),
    addonNames: [...parseAddons(snapshot.addonsJson).keys()].sort(),
    processTypes: parseProcfile(snapshot.procfile ?? ""),
    copyOf,
    takesBack,
  };
}
