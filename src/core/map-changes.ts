/** What differs between two maps of texts: process types by their command, add-ons by what is said of them. */

export interface EntryChange {
  name: string;
  /** Undefined when it is new. */
  from: string | undefined;
  /** Undefined when it is gone. */
  to: string | undefined;
}

/** Sorted by name. */
export function compareMaps(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): EntryChange[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .sort()
    .map((name) => ({ name, from: before.get(name), to: after.get(name) }))
    .filter(({ from, to }) => from !== to);
}
