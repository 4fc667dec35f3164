/** Lays out a commit's tree for a build. To make ten thousand files costs the disk far more than to read them, so where
 *  nothing will run among them they are made read-only at once, or are those of a slug that has most of them already. */
import { chmod, readFile, rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { AppError } from "../core/error.ts";
import { checkOut, gitOutput, runProgram, type GitContext, type TreeFile } from "./git.ts";
import { hasReadableName, PLAIN_FILE, protect } from "./slug-files.ts";
import type { Submodule } from "./submodules.ts";
import { markShared, newestPlainSlug, type Workplace } from "./slug-store.ts";

/** Up to here, neither is worth a program more. */
const FEW_FILES = 200;
/** Of what differs from the slug before; their names are arguments of git. */
const CHANGES_MAX = 1_000;
const CHANGES_BYTES_MAX = 64 * 1024;

export interface Code {
  commit: string;
  tree: string;
}

export class LayOut {
  readonly #git: GitContext;
  readonly #code: Code;
  readonly #place: Workplace;
  readonly #files: readonly TreeFile[];
  /** A small tree is laid out before anything asks for it. */
  readonly isSmall: boolean;
  #state: "nothing" | "writable" | "read-only" = "nothing";
  #submodules: readonly Submodule[] = [];

  constructor(git: GitContext, code: Code, place: Workplace, files: readonly TreeFile[]) {
    this.#git = git;
    this.#code = code;
    this.#place = place;
    this.#files = files;
    this.isSmall = files.length <= FEW_FILES || !files.every(hasReadableName);
  }

  get isReadOnly(): boolean {
    return this.#state === "read-only";
  }

  /** A file of the root, whether laid out or not. */
  async read(name: string): Promise<string> {
    if (this.#state !== "nothing") return readPlain(join(this.#place.app, name));
    const { oid = "" } = this.#files.find(({ path }) => path === name) ?? {};
    return (await gitOutput(this.#git, ["cat-file", "blob", oid])).toString("utf8");
  }

  /** As a build that runs something needs it. Does nothing when the files are there. */
  async writable(): Promise<void> {
    if (this.#state !== "nothing") return;
    const to = { dir: this.#place.app, umask: "0022" } as const;
    await checkOut(this.#git, { from: this.#code.commit, ...to });
    for (const submodule of this.#submodules) await submodule.layOut(to);
    this.#state = "writable";
  }

  /** The same with the code of submodules, each in its empty directory. */
  async withSubmodules(submodules: readonly Submodule[]): Promise<void> {
    this.#submodules = submodules;
    await this.writable();
  }

  /** As a slug has it, for a build in which nothing runs.
   *  @param appDir of the slugs that files may be shared with */
  async readOnly(appDir: string | undefined): Promise<void> {
    if (this.#state !== "nothing") return;
    if (appDir === undefined || !(await this.#share(appDir))) await this.#plain();
    this.#state = "read-only";
  }

  async #plain(): Promise<void> {
    const { app } = this.#place;
    await checkOut(this.#git, { from: this.#code.commit, dir: app, umask: "0222" });
    for (const directory of directoriesOf(this.#files)) await chmod(join(app, directory), 0o755);
  }

  /** False when it cannot be done, and nothing was. */
  async #share(appDir: string): Promise<boolean> {
    const base = await newestPlainSlug(appDir);
    const changed = base === undefined ? undefined : await this.#changesSince(base.tree);
    if (base === undefined || changed === undefined) return false;
    const { app } = this.#place;
    try {
      await markShared(base.dir);
      await markShared(this.#place.dir);
      // -l: hard links. Both flags are known to GNU, BSD and busybox.
      await runProgram(this.#git, "cp", ["-al", `${base.dir}/app/.`, app]);
    } catch {
      // A file system without links, or a file with too many names.
      this.#git.signal.throwIfAborted();
      await this.#place.emptyApp();
      return false;
    }
    await this.#apply(changed);
    return true;
  }

  async #apply({ gone, made }: Changes): Promise<void> {
    const { app } = this.#place;
    for (const path of gone) await this.#place.removeFile(path);
    // git knows no empty directories, except the place of a layer.
    for (const path of gone) await removeIfEmpty(app, dirname(path));
    await removeIfEmpty(app, "node_modules");
    if (made.length === 0) return;
    await checkOut(this.#git, { from: this.#code.commit, dir: app, umask: "0022", paths: made });
    const isMade = new Set(made);
    const files = this.#files.filter(({ path }) => isMade.has(path));
    await protect(files, app);
  }

  /** Undefined when they are too many to be worth it. */
  async #changesSince(tree: string): Promise<Changes | undefined> {
    const args = ["diff-tree", "-r", "-z", "--no-renames", "--raw", tree, this.#code.tree];
    const output = await gitOutput(this.#git, args).catch(() => undefined);
    this.#git.signal.throwIfAborted();
    const changes = output === undefined ? undefined : parseChanges(output.toString("utf8").split("\0"));
    if (changes === undefined) return undefined;
    const isLong = changes.made.length > CHANGES_MAX || changes.made.join(" ").length > CHANGES_BYTES_MAX;
    return isLong || changes.made.length + changes.gone.length > this.#files.length ? undefined : changes;
  }
}

/** A buildpack may have put anything in its place.
 *  @throws AppError invalid_params for a link */
async function readPlain(path: string): Promise<string> {
  return readFile(path, { encoding: "utf8", flag: PLAIN_FILE }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ELOOP") throw error;
    throw new AppError("invalid_params", `${basename(path)} is a symbolic link.`, { hint: "It must be a file." });
  });
}

function directoriesOf(files: readonly TreeFile[]): Set<string> {
  const found = new Set<string>();
  for (const { path } of files) {
    for (let dir = dirname(path); dir !== "." && !found.has(dir); dir = dirname(dir)) found.add(dir);
  }
  return found;
}

interface Changes {
  gone: string[];
  made: string[];
}

/** Of `git diff-tree`, words about a file and names in turn; undefined when a name is not UTF-8. */
function parseChanges(words: readonly string[]): Changes | undefined {
  const changes: Changes = { gone: [], made: [] };
  for (let index = 0; index + 1 < words.length; index += 2) {
    const [about = "", path = ""] = words.slice(index, index + 2);
    const kind = about.at(-1);
    if (!hasReadableName({ path })) return undefined;
    if (kind !== "A") changes.gone.push(path);
    if (kind !== "D") changes.made.push(path);
  }
  return changes;
}

/** And the directories above it that are empty then. */
export async function removeIfEmpty(root: string, path: string): Promise<void> {
  for (let dir = path; dir !== "."; dir = dirname(dir)) {
    const isRemoved = await rmdir(join(root, dir)).then(
      () => true,
      () => false,
    );
    if (!isRemoved) return;
  }
}
