/** Reads what the rules need of each commit: its own bytes, its tree, the files in it, and the tree of the code commit
 *  that it names. Many releases share a file or a code commit, so what was found of one is kept for a while. */
import { RecentMap } from "../core/recent-map.ts";
import type { Flaw } from "../core/finding.ts";
import { isFlaw, type FoundRelease } from "../core/ledger-audit.ts";
import type { ReleaseTree } from "../core/release-tree.ts";
import { readStrictCommit, treeOf } from "../core/strict-commit.ts";
import { SignatureChecker } from "./check-signature.ts";
import type { FoundObject, ObjectSource } from "./object-source.ts";

export interface LoaderRules {
  readTree(bytes: Uint8Array): ReleaseTree;
  checkFile(name: string, bytes: Uint8Array): Flaw | undefined;
}

const REMEMBERED_MAX = 256;

export class ReleaseLoader {
  readonly #source: ObjectSource;
  readonly #rules: LoaderRules;
  readonly #signatures = new SignatureChecker();
  /** By object id; what is under way is shared as well. */
  readonly #trees = new RecentMap<string, Promise<ReleaseTree | Flaw>>(REMEMBERED_MAX);
  readonly #files = new RecentMap<string, Promise<Flaw | undefined>>(REMEMBERED_MAX);
  readonly #codeTrees = new RecentMap<string, Promise<string | Flaw>>(REMEMBERED_MAX);

  constructor(source: ObjectSource, rules: LoaderRules) {
    this.#source = source;
    this.#rules = rules;
  }

  async load(oid: string): Promise<FoundRelease> {
    const found = await this.#read(oid, "commit");
    const commit = isFlaw(found) ? found : readStrictCommit(found.data);
    const treeId = isFlaw(found) ? undefined : treeOf(found.data);
    const code = isFlaw(commit) ? undefined : commit.commit.parents[1];
    const [signature, tree, codeTree] = await Promise.all([
      isFlaw(commit) ? undefined : this.#signatures.check(commit),
      treeId === undefined ? undefined : (this.#trees.get(treeId) ?? this.#loadTree(treeId)),
      code === undefined ? undefined : (this.#codeTrees.get(code) ?? this.#loadCodeTree(code)),
    ]);
    return { oid, commit, signature, tree, codeTree, fileFlaws: await this.#checkFiles(tree) };
  }

  async #checkFiles(tree: ReleaseTree | Flaw | undefined): Promise<Flaw[]> {
    if (tree === undefined || isFlaw(tree)) return [];
    const checks = tree.files.map(({ name, oid }) => {
      const key = `${name} ${oid}`;
      const known = this.#files.get(key);
      if (known !== undefined) return known;
      const checked = this.#checkFile(name, oid);
      this.#files.set(key, checked);
      return checked;
    });
    return (await Promise.all(checks)).filter((flaw) => flaw !== undefined);
  }

  async #checkFile(name: string, oid: string): Promise<Flaw | undefined> {
    const found = await this.#read(oid, "blob");
    return isFlaw(found) ? found : this.#rules.checkFile(name, found.data);
  }

  #loadTree(oid: string): Promise<ReleaseTree | Flaw> {
    const loaded = this.#read(oid, "tree").then((found) => (isFlaw(found) ? found : this.#rules.readTree(found.data)));
    this.#trees.set(oid, loaded);
    return loaded;
  }

  #loadCodeTree(commit: string): Promise<string | Flaw> {
    const loaded = this.#read(commit, "commit").then((found) => {
      if (isFlaw(found)) return found;
      return treeOf(found.data) ?? { kind: "code-tree" as const, reason: "the commit it names as Code has no tree" };
    });
    this.#codeTrees.set(commit, loaded);
    return loaded;
  }

  async #read(oid: string, type: string): Promise<FoundObject | Flaw> {
    const found = await this.#source.read(oid);
    if (isFlaw(found) || found.type === type) return found;
    return { kind: "object-damaged", reason: `its object ${oid.slice(0, 12)} is a ${found.type}, not a ${type}` };
  }
}
