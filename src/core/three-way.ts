/** A three-way merge name by name, as git does it line by line: what `theirs` changed since `base` is done to `ours`,
 *  unless `ours` has changed the same name to something else. */

import { compareMaps, type EntryChange } from "./map-changes.ts";

/** Name → content. Equal contents are equal texts. */
export type Named = ReadonlyMap<string, string>;

export interface NamedMerge {
  /** Sorted by name; a name in conflict keeps the content of `ours`. */
  merged: Named;
  /** Names that are not as they are in `ours`, sorted. */
  changed: string[];
  /** Names that both sides have changed, and not to the same, sorted. */
  conflicts: string[];
}

export function mergeByName(base: Named, ours: Named, theirs: Named): NamedMerge {
  const merged = new Map<string, string>();
  const changed: string[] = [];
  const conflicts: string[] = [];
  for (const name of [...new Set([...base.keys(), ...ours.keys(), ...theirs.keys()])].sort()) {
    const [was, is, wanted] = [base.get(name), ours.get(name), theirs.get(name)];
    const isTaken = was === is && wanted !== is;
    const result = isTaken ? wanted : is;
    if (isTaken) changed.push(name);
    else if (wanted !== is && wanted !== was) conflicts.push(name);
    if (result !== undefined) merged.set(name, result);
  }
  return { merged, changed, conflicts };
}

export interface NameChanges {
  added: string[];
  changed: string[];
  removed: string[];
}

/** What one side has that the other has not, each list sorted. */
export function compareNames(from: Named, to: Named): NameChanges {
  const changes = compareMaps(from, to);
  const names = (holds: (change: EntryChange) => boolean): string[] => changes.filter(holds).map(({ name }) => name);
  return {
    added: names((change) => change.from === undefined),
    changed: names((change) => change.from !== undefined && change.to !== undefined),
    removed: names((change) => change.to === undefined),
  };
}
