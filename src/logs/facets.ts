/** What a block of lines contains. 128 bits: one, picked by a hash, for each process name, process type, source and level;
 *  a bit that is not set proves absence, a collision only costs the reading of a block. Then the range of its releases:
 *  the highest, the complement of the lowest (both grow as lines are added), and whether releases were recorded at all. */

const BIT_WORDS = 4;
const HIGHEST_RELEASE = 4;
const LOWEST_RELEASE = 5;
const HAS_RELEASES = 6;
export const FACET_WORDS = 7;

export interface LineFacts {
  ps: string;
  source: string;
  release?: number | undefined;
  level?: string | undefined;
}

export function lineFacets(facts: LineFacts): Uint32Array {
  const facets = new Uint32Array(FACET_WORDS);
  addFacet(facets, `ps=${facts.ps}`);
  addFacet(facets, `type=${processType(facts.ps)}`);
  addFacet(facets, `src=${facts.source}`);
  if (facts.level !== undefined) addFacet(facets, `lvl=${facts.level}`);
  facets[HAS_RELEASES] = 1;
  if (facts.release === undefined) return facets;
  facets[HIGHEST_RELEASE] = facts.release;
  facets[LOWEST_RELEASE] = ~facts.release;
  return facets;
}

/** `web.1` → `web`; a name without a dot is its own type. */
export function processType(ps: string): string {
  const dot = ps.indexOf(".");
  return dot === -1 ? ps : ps.slice(0, dot);
}

function addFacet(facets: Uint32Array, text: string): void {
  const bit = facetBit(text);
  facets[bit >>> 5] = (facets[bit >>> 5] as number) | (1 << (bit & 31));
}

export function mergeFacets(into: Uint32Array, from: Uint32Array): void {
  for (let word = 0; word < FACET_WORDS; word += 1) {
    const [a, b] = [into[word] as number, from[word] as number];
    into[word] = word === HIGHEST_RELEASE || word === LOWEST_RELEASE ? Math.max(a, b) : a | b;
  }
}

/** Facets of lines that nothing is known of. */
export function anyFacets(): Uint32Array {
  return new Uint32Array(FACET_WORDS).fill(0xffffffff);
}

/** Whether there may be a line of this release. */
export function mayHaveRelease(facets: Uint32Array, release: number): boolean {
  if (facets[HAS_RELEASES] === 0) return true;
  const lowest = ~(facets[LOWEST_RELEASE] as number) >>> 0;
  return lowest <= release && release <= (facets[HIGHEST_RELEASE] as number);
}

/** FNV-1a with a final mix, so that the low bits depend on every byte. */
export function facetBit(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  return (hash ^ (hash >>> 15)) & (BIT_WORDS * 32 - 1);
}
