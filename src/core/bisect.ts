/** The search for the first bad release among some, oldest first, of which the first is taken for good and the last for
 *  bad: verdicts in, the next release to try or the result out. Equal trees are equal releases, so a verdict is one of
 *  every release with that tree, and no tree is tried twice.
 *
 *  Of several changes from good to bad it finds the latest that the verdicts so far leave open. */

export type Verdict = "good" | "bad" | "skip";

export interface Candidate {
  readonly version: number;
  /** Object id of the release's tree. */
  readonly tree: string;
}

/** Tree → verdict. */
export type Verdicts = ReadonlyMap<string, Verdict>;

export type BisectStep =
  /** One of the two ends is tried first: was it rightly called good, or bad? */
  | { readonly kind: "check"; readonly version: number; readonly expected: "good" | "bad" }
  /** `left`: how many releases may then still be open; `steps`: how many more probes that takes. */
  | { readonly kind: "probe"; readonly version: number; readonly left: number; readonly steps: number }
  | { readonly kind: "found"; readonly version: number; readonly before: number }
  /** The releases between were skipped: it is one of these. */
  | { readonly kind: "undecided"; readonly versions: readonly number[]; readonly before: number }
  /** An end is not what it was called. */
  | {
      readonly kind: "refuted";
      readonly version: number;
      readonly expected: "good" | "bad";
      readonly verdict: Verdict;
    };

/** @param candidates oldest first, at least two, the first and the last of different trees.
 *  @param trusting takes the ends for what they were called, without trying them. */
export function nextBisectStep(candidates: readonly Candidate[], verdicts: Verdicts, trusting: boolean): BisectStep {
  const [first, last] = [candidates[0], candidates.at(-1)];
  if (first === undefined || last === undefined || first.tree === last.tree) {
    throw new Error("A bisection needs two different ends.");
  }
  if (!trusting) {
    const open = checkEnd(first, "good", verdicts) ?? checkEnd(last, "bad", verdicts);
    if (open !== undefined) return open;
  }
  const known = new Map<string, Verdict>([...verdicts, [first.tree, "good"], [last.tree, "bad"]]);
  return search(candidates, known);
}

function checkEnd(end: Candidate, expected: "good" | "bad", verdicts: Verdicts): BisectStep | undefined {
  const verdict = verdicts.get(end.tree);
  if (verdict === undefined) return { kind: "check", version: end.version, expected };
  return verdict === expected ? undefined : { kind: "refuted", version: end.version, expected, verdict };
}

function search(candidates: readonly Candidate[], known: Verdicts): BisectStep {
  const judged = candidates.map(({ tree }) => known.get(tree));
  const good = judged.lastIndexOf("good");
  const bad = judged.indexOf("bad", good);
  const [before, ...suspects] = candidates.slice(good, bad + 1);
  if (before === undefined) throw new Error("A bisection has lost its good end.");
  const untried = suspects.filter(({ tree }) => !known.has(tree));
  // Of those that can be tried the middle one: each verdict halves them, each skip takes one away.
  const middle = untried[Math.floor((untried.length - 1) / 2)];
  if (middle !== undefined) {
    const left = Math.floor(untried.length / 2);
    return { kind: "probe", version: middle.version, left, steps: probesFor(left) };
  }
  const versions = suspects.map(({ version }) => version);
  const [only] = versions;
  return versions.length === 1 && only !== undefined
    ? { kind: "found", version: only, before: before.version }
    : { kind: "undecided", versions, before: before.version };
}

/** How many probes at most it takes to find the first bad one when so many releases lie between the ends. */
export function probesFor(between: number): number {
  return Math.ceil(Math.log2(between + 1));
}
