/** The objects of an app's repository. isomorphic-git is the codec of trees; git reads everything; what is written is
 *  written all at once, for every id is known before the first byte is on disk. */
import { readTree, writeTree, type TreeEntry } from "isomorphic-git";
import { AppError } from "../core/error.ts";
import { RecentMap } from "../core/recent-map.ts";
import { formatCommit, parseCommit, type Commit } from "../core/release-commit.ts";
import { makeGitBackedFs, type GitBackedFs } from "./git-backed-fs.ts";
import { LooseObjects } from "./loose-objects.ts";
import type { ObjectReader } from "./object-reader.ts";
import type { LedgerKey } from "./ledger-key.ts";

export type Tree = ReadonlyMap<string, { oid: string; mode: string }>;

const DIRECTORY = /^0?40000$/;
const REGULAR_FILE = /^100(644|755)$/;
const OID = /^[0-9a-f]{40}$/;
const REMEMBERED_MAX = 64;
/** A release's own files are smaller; code is read once. */
const REMEMBERED_LENGTH_MAX = 8 * 1024;
const REMEMBERED_ENTRIES_MAX = 16;

/** A directory as if its name ended in a slash. */
function asGitDoes(a: TreeEntry, b: TreeEntry): number {
  const [first, second] = [a, b].map(({ path, type }) => (type === "tree" ? `${path}/` : path)) as [string, string];
  return first < second ? -1 : 1;
}

export class ObjectStore {
  readonly reader: ObjectReader;
  readonly #loose: LooseObjects;
  readonly #fs: GitBackedFs;
  readonly #gitdir: string;
  // Objects never change: what was read or written once is known.
  readonly #commits = new RecentMap<string, Commit>(REMEMBERED_MAX);
  readonly #resolved = new RecentMap<string, { oid: string; tree: string }>(REMEMBERED_MAX);
  /** Ids of trees by their entries. */
  readonly #trees = new RecentMap<string, string>(REMEMBERED_MAX);
  readonly #read = new RecentMap<string, Tree>(REMEMBERED_MAX);
  readonly #texts = new RecentMap<string, string>(REMEMBERED_MAX);

  constructor(repositoryPath: string, reader: ObjectReader) {
    this.reader = reader;
    this.#gitdir = repositoryPath;
    this.#loose = new LooseObjects(repositoryPath, reader);
    this.#fs = makeGitBackedFs(repositoryPath, reader, this.#loose);
  }

  async readCommit(oid: string): Promise<Commit> {
    const known = this.#commits.get(oid);
    if (known !== undefined) return known;
    const found = await this.reader.contents(oid);
    if (found?.type !== "commit") throw new Error(`Commit ${oid} is missing.`);
    const commit = parseCommit(found.data.toString("utf8"));
    this.#commits.set(oid, commit);
    return commit;
  }

  async readTree(oid: string): Promise<Tree> {
    const known = this.#read.get(oid);
    if (known !== undefined) return known;
    const { tree } = await readTree({ fs: this.#fs, gitdir: this.#gitdir, oid });
    const entries = new Map(tree.map((entry) => [entry.path, { oid: entry.oid, mode: entry.mode }]));
    this.#rememberTree(oid, entries);
    return entries;
  }

  #rememberTree(oid: string, entries: Tree): void {
    if (entries.size <= REMEMBERED_ENTRIES_MAX) this.#read.set(oid, entries);
  }

  #rememberText(oid: string, text: string): void {
    if (text.length <= REMEMBERED_LENGTH_MAX) this.#texts.set(oid, text);
  }

  async readText(oid: string): Promise<string> {
    const known = this.#texts.get(oid);
    if (known !== undefined) return known;
    const found = await this.reader.contents(oid);
    if (found?.type !== "blob") throw new Error(`File ${oid} is missing.`);
    const text = found.data.toString("utf8");
    this.#rememberText(oid, text);
    return text;
  }

  /** The commit that an object id names, tags followed; undefined when it names none. */
  async resolveCommit(oid: string): Promise<{ oid: string; tree: string } | undefined> {
    if (!OID.test(oid)) throw new Error(`${JSON.stringify(oid)} is not an object id.`);
    const known = this.#resolved.get(oid);
    if (known !== undefined) return known;
    const [commit, tree] = await Promise.all([
      this.reader.info(`${oid}^{commit}`),
      this.reader.info(`${oid}^{commit}^{tree}`),
    ]);
    if (commit === undefined || tree === undefined) return undefined;
    const resolved = { oid: commit.oid, tree: tree.oid };
    this.#resolved.set(oid, resolved);
    return resolved;
  }

  /** The text of a regular file in a commit; undefined when there is none.
   *  @throws AppError invalid_params when it is larger than `bytesMax`. */
  async readFile(commit: string, path: string, bytesMax: number): Promise<string | undefined> {
    let tree = (await this.resolveCommit(commit))?.tree;
    const names = path.split("/");
    const last = names.pop() ?? "";
    for (const name of names) tree = tree && (await this.#entry(tree, name, DIRECTORY));
    const oid = tree && (await this.#entry(tree, last, REGULAR_FILE));
    if (oid === undefined) return undefined;
    const info = await this.reader.info(oid);
    if ((info?.sizeBytes ?? 0) > bytesMax) {
      throw new AppError("invalid_params", `${path} is larger than ${String(bytesMax)} bytes.`);
    }
    return this.readText(oid);
  }

  async #entry(tree: string, name: string, mode: RegExp): Promise<string | undefined> {
    const entry = (await this.readTree(tree)).get(name);
    return entry !== undefined && mode.test(entry.mode) ? entry.oid : undefined;
  }

  /** Writes a tree of regular files (path → text) and of trees that are there already (path → id). */
  async writeTree(files: Readonly<Record<string, string>>, trees: Readonly<Record<string, string>>): Promise<string> {
    const entries: TreeEntry[] = Object.entries(trees).map(([path, oid]) => ({
      path,
      oid,
      mode: "040000",
      type: "tree",
    }));
    const writing: Promise<unknown>[] = [];
    for (const [path, text] of Object.entries(files)) {
      const { oid, written } = this.#loose.put("blob", text);
      entries.push({ path, oid, mode: "100644", type: "blob" });
      // It is read again with the next release.
      writing.push(written.then(() => this.#rememberText(oid, text)));
    }
    const [tree] = await Promise.all([this.#putTree(entries), ...writing]);
    this.#rememberTree(tree, new Map(entries.sort(asGitDoes).map(({ path, oid, mode }) => [path, { oid, mode }])));
    return tree;
  }

  async #putTree(entries: TreeEntry[]): Promise<string> {
    const key = entries.map(({ path, oid }) => `${path} ${oid}`).join("\n");
    const known = this.#trees.get(key);
    if (known !== undefined) return known;
    const tree = await writeTree({ fs: this.#fs, gitdir: this.#gitdir, tree: entries });
    this.#trees.set(key, tree);
    return tree;
  }

  /** Signs the commit and writes it. */
  async writeCommit(commit: Commit, key: LedgerKey): Promise<string> {
    const signature = key.sign(Buffer.from(formatCommit(commit)));
    const text = formatCommit({ ...commit, signature });
    const { oid, written } = this.#loose.put("commit", text);
    await written;
    this.#commits.set(oid, parseCommit(text));
    return oid;
  }
}
