/** Ranges of versions as package.json's `engines` writes them (node-semver's grammar, of releases only: no pre-release is
 *  ever chosen for an app). */

/** Major, minor, patch. */
export type Version = readonly [number, number, number];

/** Undefined for what is no release, such as `v20.1.0-rc.1`. */
export function parseRelease(text: string): Version | undefined {
  const match = /^v?(\d{1,6})\.(\d{1,6})\.(\d{1,6})$/.exec(text.trim());
  return match === null ? undefined : [Number(match[1]), Number(match[2]), Number(match[3])];
}

export function compareVersions(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

/** Undefined when the range is not understood. */
export function isWithin(version: Version, range: string): boolean | undefined {
  const sets = range.split("||").map(parseSet);
  const known = sets.filter((set) => set !== undefined);
  if (known.length !== sets.length) return undefined;
  return known.some((set) => set.every(({ from, below }) => isBetween(version, from, below)));
}

/** At least `from`, and less than `below`, where there is such an end. */
interface Span {
  from: Version | undefined;
  below: Version | undefined;
}

function isBetween(version: Version, from: Version | undefined, below: Version | undefined): boolean {
  if (from !== undefined && compareVersions(version, from) < 0) return false;
  return below === undefined || compareVersions(version, below) < 0;
}

/** Digits that are there: `20`, `20.x` and `20.*` have one. */
type Partial = readonly number[];

const PART = String.raw`(?:\d{1,6}|[xX*])`;
const PARTIAL = String.raw`[vV=]*(${PART}(?:\.${PART}){0,2})(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?`;
const HYPHEN = new RegExp(`^${PARTIAL} +- +${PARTIAL}$`);
const COMPARATOR = new RegExp(`^(>=|<=|>|<|\\^|~>?)?${PARTIAL}$`);

function parseSet(text: string): Span[] | undefined {
  const plain = text.trim();
  if (plain === "" || plain === "*") return [];
  const hyphen = HYPHEN.exec(plain);
  if (hyphen !== null) return [{ from: lowest(partial(hyphen[1])), below: next(partial(hyphen[2])) }];
  // An operator may stand apart from its version.
  const spans = plain
    .replace(/(>=|<=|>|<|\^|~>?|=)\s+/g, "$1")
    .split(/\s+/)
    .map(parseComparator);
  const known = spans.filter((span) => span !== undefined);
  return known.length === spans.length ? known : undefined;
}

function parseComparator(text: string): Span | undefined {
  const match = COMPARATOR.exec(text);
  if (match === null) return undefined;
  const version = partial(match[2]);
  const from = lowest(version);
  if (match[1] === ">=") return { from, below: undefined };
  if (match[1] === "<") return { from: undefined, below: from };
  if (match[1] === ">") return { from: next(version) ?? NEVER, below: undefined };
  if (match[1] === "<=") return { from: undefined, below: next(version) };
  if (match[1] === "^") return { from, below: next(version.slice(0, leading(version))) };
  if (match[1] === undefined) return { from, below: next(version) };
  return { from, below: next(version.slice(0, 2)) };
}

/** Beyond every version. */
const NEVER: Version = [Number.POSITIVE_INFINITY, 0, 0];

function partial(text = ""): Partial {
  const parts = text.split(".");
  const end = parts.findIndex((part) => !/^\d+$/.test(part));
  return (end === -1 ? parts : parts.slice(0, end)).map(Number);
}

function lowest(version: Partial): Version {
  return [version[0] ?? 0, version[1] ?? 0, version[2] ?? 0];
}

/** The first version that begins otherwise; undefined when every version begins so. */
function next(version: Partial): Version | undefined {
  if (version.length === 0) return undefined;
  return lowest(version.map((part, index) => (index === version.length - 1 ? part + 1 : part)));
}

/** How many parts `^` keeps: up to the first that is not 0. */
function leading(version: Partial): number {
  const first = version.findIndex((part) => part !== 0);
  return first === -1 ? version.length : first + 1;
}
