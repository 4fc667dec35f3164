/** What an audit of a ledger finds (docs/formats.md, "Verification"): each finding has a kind that stays, the release or
 *  state commit it is about, and a sentence. All are counted, the first ones kept. */

/** In the order of the table in docs/formats.md. */
export const FINDING_KINDS = [
  "object-missing",
  "object-damaged",
  "object-large",
  "commit-malformed",
  "header-unknown",
  "header-repeated",
  "message-malformed",
  "version-malformed",
  "trailer-repeated",
  "trailer-missing",
  "change-unknown",
  "status-unknown",
  "parents-wrong",
  "chain-cut",
  "version-gap",
  "initial-misplaced",
  "code-mismatch",
  "code-lost",
  "code-tree",
  "tree-malformed",
  "tree-entry",
  "tree-mode",
  "tree-missing",
  "config-malformed",
  "config-plain",
  "addons-malformed",
  "procfile-malformed",
  "committer-wrong",
  "date-backwards",
  "rollback-malformed",
  "rollback-target",
  "rollback-differs",
  "revert-malformed",
  "revert-target",
  "key-missing",
  "key-malformed",
  "key-unvouched",
  "signature-missing",
  "signature-malformed",
  "signature-namespace",
  "signature-key",
  "signature-wrong",
  "state-malformed",
  "memory-differs",
] as const;
export type FindingKind = (typeof FINDING_KINDS)[number];

/** A rule that is broken, not yet said of whom. */
export interface Flaw {
  kind: FindingKind;
  /** What is wrong, as the end of a sentence about "it": `it has no addons.json`. */
  reason: string;
}

export interface Finding extends Flaw {
  /** The release; of a commit that does not tell, the one that its place makes it. Undefined for a state commit. */
  version: number | undefined;
  oid: string;
}

/** More would only hide the first. */
export const FINDINGS_KEPT = 20;

export class Findings {
  readonly list: Finding[] = [];
  count = 0;

  add(at: { version: number | undefined; oid: string }, flaw: Flaw): void {
    this.count += 1;
    if (this.list.length < FINDINGS_KEPT) {
      this.list.push({ kind: flaw.kind, version: at.version, oid: at.oid, reason: flaw.reason });
    }
  }
}
