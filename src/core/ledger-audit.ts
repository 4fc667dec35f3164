/** The rules of a ledger, applied to its releases in order, v1 first (docs/formats.md, "Verification"). It remembers what
 *  a later release may lean on: who signs, the last date, and of each release 80 bytes to hold a rollback against. It is
 *  given what was read; it reads nothing itself. */
import { Findings, type Flaw } from "./finding.ts";
import { KeyRing, type FoundSignature, type KeyRingOptions, type NamedKey } from "./key-ring.ts";
import { PLATFORM_PERSON } from "./person.ts";
import { MalformedRelease, parseRelease } from "./release-commit.ts";
import { ReleaseRoll } from "./release-roll.ts";
import { checkEntries, type ReleaseTree } from "./release-tree.ts";
import { formatVersion, type Release } from "./release.ts";
import type { StrictCommit } from "./strict-commit.ts";

/** A release as it was read. What could not be read is a flaw in its place. */
export interface FoundRelease {
  oid: string;
  commit: StrictCommit | Flaw;
  signature: FoundSignature;
  /** Undefined when the commit does not tell which. */
  tree: ReleaseTree | Flaw | undefined;
  /** Of the files that could be read, and of those that could not. */
  fileFlaws: readonly Flaw[];
  /** The tree of parent 2, or why it is not known; undefined where there is no parent 2. */
  codeTree: string | Flaw | undefined;
}

export class LedgerAudit {
  readonly findings = new Findings();
  readonly keys: KeyRing;
  readonly #roll = new ReleaseRoll();
  #previous = { version: 0, seconds: 0, hasCode: false };
  /** The version of the first release that was given; 0 before that. */
  first = 0;
  /** The version of the last. */
  last = 0;

  constructor(options: KeyRingOptions) {
    this.keys = new KeyRing(options);
  }

  get named(): readonly NamedKey[] {
    return this.keys.named;
  }

  /** Each release once, from the first parentless one to the head, each the first parent of the next. */
  add(found: FoundRelease): void {
    const place = this.#previous.version + 1;
    const commit = isFlaw(found.commit) ? undefined : found.commit;
    const at = { version: claimedVersion(commit) ?? place, oid: found.oid };
    const release = this.#read(found, at);
    const flaws = [
      ...(release === undefined ? [] : this.#checkRelease(release, found)),
      ...(commit === undefined ? [] : this.#checkStamp(commit)),
      ...this.#checkTree(found, release),
      ...this.keys.check(found.signature, at.version, release?.ledgerKey),
    ];
    for (const flaw of flaws) this.findings.add(at, flaw);
    // A commit that is no release counts as the one that its place makes it.
    this.#remember(found, release, release?.version ?? (this.first === 0 ? at.version : place));
  }

  /** Undefined, with a finding, when the commit is no release. */
  #read({ commit }: FoundRelease, at: { version: number; oid: string }): Release | undefined {
    if (isFlaw(commit)) {
      this.findings.add(at, commit);
      return undefined;
    }
    try {
      return parseRelease(at.oid, commit.commit);
    } catch (error) {
      if (!(error instanceof MalformedRelease)) throw error;
      this.findings.add(at, { kind: error.flaw, reason: error.reason });
      return undefined;
    }
  }

  #checkRelease(release: Release, { tree }: FoundRelease): Flaw[] {
    const flaws: Flaw[] = [];
    const before = this.#previous;
    // A ledger that is cut off begins where it begins; that is told by whoever walked it.
    if (this.first !== 0 && release.version !== before.version + 1) {
      flaws.push({ kind: "version-gap", reason: `it follows ${formatVersion(before.version)}` });
    }
    if ((release.version === 1) !== (release.change === "initial")) {
      flaws.push({ kind: "initial-misplaced", reason: `its Change is ${release.change}` });
    }
    if (release.via === "") flaws.push({ kind: "trailer-missing", reason: "it has no Via" });
    if (release.code === undefined && before.hasCode) {
      flaws.push({ kind: "code-lost", reason: "it names no Code, but the release before it did" });
    }
    return [...flaws, ...this.#checkRollback(release, tree), ...this.#checkRevert(release)];
  }

  #checkStamp({ commit: { committer } }: StrictCommit): Flaw[] {
    const { name, email } = committer.person;
    const isPlatform = name === PLATFORM_PERSON.name && email === PLATFORM_PERSON.email;
    const isLater = committer.seconds >= this.#previous.seconds;
    return [
      ...(isPlatform ? [] : [{ kind: "committer-wrong", reason: "its committer is not the platform" } as const]),
      ...(isLater ? [] : [{ kind: "date-backwards", reason: "it was written before the release it follows" } as const]),
    ];
  }

  #checkTree({ tree, fileFlaws, codeTree }: FoundRelease, release: Release | undefined): Flaw[] {
    if (tree === undefined) return [];
    if (isFlaw(tree)) return [tree];
    const flaws = [...tree.flaws, ...fileFlaws];
    // An unreadable tree has no entries to miss.
    const isReadable = !tree.flaws.some(({ kind }) => kind === "tree-malformed");
    if (release !== undefined && isReadable) flaws.push(...checkEntries(tree, release.code !== undefined));
    if (codeTree === undefined) return flaws;
    if (isFlaw(codeTree)) return [...flaws, codeTree];
    const code = tree.oids.get("code");
    if (code !== undefined && code !== codeTree) {
      flaws.push({ kind: "code-tree", reason: "its code is not the tree of the commit that it names" });
    }
    return flaws;
  }

  /** The target is an earlier release of this very ledger, and all that a rollback brings back is as it was there. */
  #checkRollback(release: Release, tree: FoundRelease["tree"]): Flaw[] {
    const target = release.rollbackTo;
    if (target === undefined) return release.change === "rollback" ? [NO_TARGET] : [];
    const known = this.#roll.find(target.version);
    if (known?.oid !== target.oid) return [OTHER_TARGET];
    if (release.change !== "rollback" || tree === undefined || isFlaw(tree)) return [];
    const differing = ReleaseRoll.RESTORED.filter((name) => tree.oids.get(name) !== known.restored.get(name));
    if (differing.length === 0) return [];
    return [
      {
        kind: "rollback-differs",
        reason: `its ${differing.join(", ")} differs from that of ${formatVersion(target.version)}, its target`,
      },
    ];
  }

  #checkRevert({ change, reverts }: Release): Flaw[] {
    if (reverts === undefined) return change === "revert" ? [NOTHING_REVERTED] : [];
    return this.#roll.find(reverts.version)?.oid === reverts.oid ? [] : [OTHER_REVERTED];
  }

  #remember({ oid, commit, tree }: FoundRelease, release: Release | undefined, version: number): void {
    const before = this.#previous;
    if (this.first === 0) this.first = version;
    this.last = version;
    this.#roll.add(version, oid, tree === undefined || isFlaw(tree) ? new Map() : tree.oids);
    const seconds = isFlaw(commit) ? 0 : commit.commit.committer.seconds;
    // What follows a failed release starts from the one before it.
    const isBase = release?.status === "succeeded";
    const hasCode = isBase ? release.code !== undefined : before.hasCode;
    this.#previous = { version, seconds: Math.max(seconds, before.seconds), hasCode };
  }
}

const NO_TARGET: Flaw = { kind: "rollback-target", reason: "it is a rollback and does not say to what" };
const OTHER_TARGET: Flaw = {
  kind: "rollback-target",
  reason: "what it says it rolled back to is no earlier release of this ledger",
};

const NOTHING_REVERTED: Flaw = { kind: "revert-target", reason: "it is a revert and does not say of what" };
const OTHER_REVERTED: Flaw = {
  kind: "revert-target",
  reason: "what it says it takes back is no earlier release of this ledger",
};

/** What its subject says, true or not: people know it by that. */
function claimedVersion(commit: StrictCommit | undefined): number | undefined {
  const digits = /^v([1-9][0-9]{0,8}): /.exec(commit?.commit.message ?? "")?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export function isFlaw(value: object | string): value is Flaw {
  return typeof value === "object" && "kind" in value;
}
