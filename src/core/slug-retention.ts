/** Which slugs may go. Releases stay for ever, and a slug can be built again of its code, so most need not; but what runs, what
 *  may be wanted at once, and what could not be built again as it was, has to be there. */

export interface SlugAge {
  readonly id: string;
  /** Another build of the same would be the same. */
  readonly locked: boolean;
  /** When it was built, or last asked for. Milliseconds since the epoch. */
  readonly usedAt: number;
}

export interface SlugUse {
  readonly version: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** The slugs that it may run on: one, where that is known. */
  readonly slugs: readonly string[];
}

export interface SlugRule {
  /** Slugs of the newest releases, however old these are. */
  readonly releases: number;
  /** Slugs of releases that are younger, however many these are. */
  readonly ageMsMax: number;
}

/** A slug may be there for a while before its release is. */
const FRESH_MS = 3_600_000;

/** Slugs that nothing needs, but that something could still point to: see `goodbyes`. */
export function spareSlugs(
  slugs: readonly SlugAge[],
  { recent, running, now }: { recent: readonly SlugUse[]; running: readonly SlugUse[]; now: number },
): SlugAge[] {
  const needed = new Set([...recent, ...running].flatMap((use) => use.slugs));
  return slugs.filter(({ id, usedAt }) => !needed.has(id) && usedAt < now - FRESH_MS);
}

/** Of the spare ones those that can be had again, or that no release will ever ask for.
 *  @param all every release */
export function goodbyes(spare: readonly SlugAge[], all: readonly SlugUse[]): string[] {
  const pointedTo = new Set(all.flatMap(({ slugs }) => slugs));
  return spare.filter(({ id, locked }) => locked || !pointedTo.has(id)).map(({ id }) => id);
}

/** Whether a release is one of those whose slugs are kept, by its place from the newest on, which is 0. */
export function isRecent(place: number, createdAt: number, now: number, rule: SlugRule): boolean {
  return place < rule.releases || createdAt > now - rule.ageMsMax;
}
