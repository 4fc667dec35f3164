/** The rules of `refs/heroku/state`, applied to its commits in order, oldest first: one parent at most, the ledger's
 *  signature, dates that never decrease, files of deterministic JSON and nothing else. */
import type { Findings, Flaw } from "./finding.ts";
import type { KeyRing } from "./key-ring.ts";
import { isFlaw, type FoundRelease } from "./ledger-audit.ts";

/** The same reading as that of a release; there is no code. */
export type FoundState = Omit<FoundRelease, "codeTree">;

const TRAILERS = /^[^\n]+\n\n(?:[A-Za-z-]+: [^\n]*\n)*Change: state\n(?:[A-Za-z-]+: [^\n]*\n)*$/;
const UNSAFE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/;

export class StateAudit {
  readonly #findings: Findings;
  readonly #keys: KeyRing;
  #seconds = 0;

  constructor(findings: Findings, keys: KeyRing) {
    this.#findings = findings;
    this.#keys = keys;
  }

  add({ oid, commit, signature, tree, fileFlaws }: FoundState): void {
    const treeFlaws = tree === undefined ? [] : isFlaw(tree) ? [tree] : tree.flaws;
    const flaws = [
      ...this.#keys.checkOther(signature),
      ...(isFlaw(commit) ? [commit] : this.#check(commit)),
      ...treeFlaws,
      ...fileFlaws,
    ];
    for (const flaw of flaws) this.#findings.add({ version: undefined, oid }, flaw);
  }

  #check(strict: Exclude<FoundState["commit"], Flaw>): Flaw[] {
    const { parents, committer, message } = strict.commit;
    const flaws: Flaw[] = [];
    if (parents.length > 1) flaws.push({ kind: "parents-wrong", reason: "it has more than one parent" });
    if (!TRAILERS.test(message) || UNSAFE.test(message)) {
      flaws.push({ kind: "message-malformed", reason: "its message is not that of a change of state" });
    }
    if (committer.seconds < this.#seconds) {
      flaws.push({ kind: "date-backwards", reason: "it was written before the one that it follows" });
    }
    this.#seconds = Math.max(this.#seconds, committer.seconds);
    return flaws;
  }
}
