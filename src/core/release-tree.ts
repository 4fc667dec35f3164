/** The tree of a release: which entries there must be, and no other (docs/formats.md, "Tree"). */
import type { Flaw } from "./finding.ts";
import { MODE_DIRECTORY, MODE_FILE, parseTree, type TreeEntry } from "./git-tree.ts";

export interface ReleaseTree {
  flaws: readonly Flaw[];
  /** Entry → object id, of the entries that may be there. */
  oids: ReadonlyMap<string, string>;
  /** The files whose contents are to be checked. */
  files: readonly TreeEntry[];
}

const MODES: Readonly<Record<string, string>> = {
  Procfile: MODE_FILE,
  "addons.json": MODE_FILE,
  code: MODE_DIRECTORY,
  "config.env": MODE_FILE,
};
const ALWAYS = ["addons.json", "config.env"];
/** There if, and only if, something was deployed. */
const DEPLOYED = ["Procfile", "code"];
const STATE_FILE = /^[a-z][a-z0-9-]*\.json$/;

export function readReleaseTree(bytes: Uint8Array): ReleaseTree {
  return readEntries(bytes, (name) => (Object.hasOwn(MODES, name) ? MODES[name] : undefined));
}

export function readStateTree(bytes: Uint8Array): ReleaseTree {
  return readEntries(bytes, (name) => (STATE_FILE.test(name) ? MODE_FILE : undefined));
}

function readEntries(bytes: Uint8Array, modeOf: (name: string) => string | undefined): ReleaseTree {
  const entries = parseTree(bytes);
  if (entries === undefined) return { flaws: [MALFORMED], oids: new Map(), files: [] };
  const flaws = entries.flatMap((entry) => flawOf(entry, modeOf(entry.name)));
  const right = entries.filter((entry) => modeOf(entry.name) === entry.mode);
  return {
    flaws,
    oids: new Map(entries.filter(({ name }) => modeOf(name) !== undefined).map(({ name, oid }) => [name, oid])),
    files: right.filter(({ mode }) => mode === MODE_FILE),
  };
}

const MALFORMED: Flaw = { kind: "tree-malformed", reason: "its tree cannot be read, or is not sorted" };

function flawOf(entry: TreeEntry, mode: string | undefined): Flaw[] {
  const shown = JSON.stringify(entry.name.slice(0, 60));
  if (mode === undefined) return [{ kind: "tree-entry", reason: `its tree has ${shown}, which does not belong there` }];
  return mode === entry.mode
    ? []
    : [{ kind: "tree-mode", reason: `its ${shown} has the mode ${entry.mode}, not ${mode}` }];
}

/** What is missing, or there too soon. */
export function checkEntries({ oids }: ReleaseTree, hasCode: boolean): Flaw[] {
  const missing = [...ALWAYS, ...(hasCode ? DEPLOYED : [])].filter((name) => !oids.has(name));
  const early = hasCode ? [] : DEPLOYED.filter((name) => oids.has(name));
  return [
    ...missing.map((name): Flaw => ({ kind: "tree-missing", reason: `its tree has no ${name}` })),
    ...early.map((name): Flaw => ({ kind: "tree-entry", reason: `its tree has a ${name}, but it names no Code` })),
  ];
}
