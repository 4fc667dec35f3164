/** Takes a change of code back: a three-way merge of trees by git itself. It works in a quarantine of its own beside
 *  the repository's objects, so that a merge which is not wanted in the end leaves nothing behind. */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../core/error.ts";
import type { Person } from "../core/person.ts";
import { SerialQueue } from "../core/serial-queue.ts";
import { readArchive } from "./archive-code.ts";
import { syncDirectory } from "./durable-file.ts";
import { runGit, tryGit, type Repository } from "./git-process.ts";
import { streamGit } from "./git-stream.ts";
import { stamp, type Ink } from "./ink.ts";

/** Ids of trees. */
export interface CodeSides {
  base: string;
  ours: string;
  theirs: string;
}

export interface MergedFile {
  path: string;
  change: "added" | "changed" | "removed";
}

/** `files`: how the merged tree differs from `ours`. */
export type CodeMerge = { tree: string; files: MergedFile[] } | { conflicts: string[] };

/** The first git that merges without a working tree. */
const GIT_NEEDED = [2, 38] as const;
/** `git prune` clears directories of this name when a crash left them, and so does the next merge. */
const QUARANTINE = "tmp_objdir-merge-";
const CONFLICT = 1;
/** `git diff-tree --name-status`: T is a file that became a link, or the reverse. */
const CHANGES: Readonly<Record<string, MergedFile["change"]>> = {
  A: "added",
  D: "removed",
  M: "changed",
  T: "changed",
};

export class CodeMerger {
  readonly #repository: Repository;
  readonly #ink: Ink;
  readonly #queue = new SerialQueue();

  constructor(repository: Repository, ink: Ink) {
    this.#repository = repository;
    this.#ink = ink;
  }

  /** Does to `ours` what leads from `base` to `theirs`. The objects of the merged tree are kept only on request.
   *  @throws AppError unavailable when this machine's git is too old to merge. */
  merge(sides: CodeSides, options: { keep: boolean }): Promise<CodeMerge> {
    return this.#queue.run(() => this.#merge(sides, options.keep));
  }

  /** A commit upon `parent`, if there is one, written by the platform for a person, and signed as all its commits are. */
  async writeCommit(commit: {
    tree: string;
    parent: string | undefined;
    by: Person;
    message: string;
  }): Promise<string> {
    const { tree, parent, by, message } = commit;
    // A person's own commit may carry a date of any century: it is no measure for this one's.
    const stamps = await stamp(this.#ink, { by }, undefined);
    return this.#ink.objects.writeCommit(
      { tree, parents: parent === undefined ? [] : [parent], ...stamps, message },
      this.#ink.signingKey,
    );
  }

  /** The files of a tar as a tree; see `readArchive`. */
  async treeOfArchive(path: string, signal: AbortSignal): Promise<string> {
    const commit = await readArchive(this.#repository, path, signal);
    const tree = (await this.#ink.objects.resolveCommit(commit))?.tree;
    if (tree === undefined) throw new Error("git has kept nothing of an archive");
    return tree;
  }

  /** Brings a commit, with all that leads to it, from another repository of this machine. Nothing refers to it here yet.
   *  @throws GitFailed; an AbortError of the signal */
  async takeOver(commit: string, from: string, signal: AbortSignal): Promise<void> {
    // The commit may be reachable from a hidden ref only.
    const uploadPack = "git -c uploadpack.allowAnySHA1InWant=true upload-pack";
    const options = ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-gc", `--upload-pack=${uploadPack}`];
    await streamGit(this.#repository, ["fetch", ...options, from, commit], { signal });
  }

  async #merge(sides: CodeSides, keep: boolean): Promise<CodeMerge> {
    if (sides.ours === sides.base) return { tree: sides.theirs, files: await filesBetween(this.#repository, sides) };
    await this.#checkGit();
    const quarantine = await this.#openQuarantine();
    try {
      const commits = await writeSides(quarantine.repository, sides);
      const merge = await mergeTrees(quarantine.repository, commits);
      if ("conflicts" in merge) return merge;
      const files = await filesBetween(quarantine.repository, { ours: sides.ours, theirs: merge.tree });
      if (keep) await this.#release(quarantine.path, new Set(Object.values(commits)));
      return { tree: merge.tree, files };
    } finally {
      await rm(quarantine.path, { recursive: true, force: true });
    }
  }

  async #checkGit(): Promise<void> {
    const said = (await runGit(this.#repository, ["version"])).trim();
    const [, major, minor] = /(\d+)\.(\d+)/.exec(said) ?? [];
    const isEnough =
      Number(major) > GIT_NEEDED[0] || (Number(major) === GIT_NEEDED[0] && Number(minor) >= GIT_NEEDED[1]);
    if (isEnough) return;
    throw new AppError("unavailable", `Code cannot be merged on the platform's machine: it has ${said.slice(0, 40)}.`, {
      hint: `Merging needs git ${GIT_NEEDED.join(".")} or newer; releases that changed config only can be reverted with any.`,
    });
  }

  get #objects(): string {
    return join(this.#repository.path, "objects");
  }

  async #openQuarantine(): Promise<{ path: string; repository: Repository }> {
    for (const name of await readdir(this.#objects)) {
      if (name.startsWith(QUARANTINE)) await rm(join(this.#objects, name), { recursive: true, force: true });
    }
    const path = join(this.#objects, QUARANTINE + randomBytes(6).toString("hex"));
    await mkdir(path);
    const env = {
      ...this.#repository.env,
      GIT_OBJECT_DIRECTORY: path,
      // In quotes, because a colon would part two directories.
      GIT_ALTERNATE_OBJECT_DIRECTORIES: `"${this.#objects.replace(/["\\]/g, "\\$&")}"`,
    };
    return { path, repository: { ...this.#repository, env } };
  }

  /** Moves all objects but the helpers' to where the repository has its own. git has synced the files; the names are
   *  synced here. */
  async #release(quarantine: string, helpers: ReadonlySet<string>): Promise<void> {
    for (const start of (await readdir(quarantine)).filter((name) => /^[0-9a-f]{2}$/.test(name))) {
      const to = join(this.#objects, start);
      await mkdir(to, { recursive: true });
      for (const rest of await readdir(join(quarantine, start))) {
        if (/^[0-9a-f]{38}$/.test(rest) && !helpers.has(start + rest)) {
          await rename(join(quarantine, start, rest), join(to, rest));
        }
      }
      await syncDirectory(to);
    }
    await syncDirectory(this.#objects);
  }
}

/** Two commits upon one that has the base: git finds the merge base by itself. (`--merge-base` takes commits only, and
 *  only from git 2.40 on.) */
async function writeSides(repository: Repository, sides: CodeSides): Promise<Record<keyof CodeSides, string>> {
  const who = { NAME: "git-heroku", EMAIL: "platform@git-heroku", DATE: "@1 +0000" };
  const names = Object.entries(who).flatMap(([key, value]) => [
    [`GIT_AUTHOR_${key}`, value],
    [`GIT_COMMITTER_${key}`, value],
  ]);
  const writer = {
    ...repository,
    env: { ...repository.env, ...(Object.fromEntries(names) as Record<string, string>) },
  };
  const write = async (side: keyof CodeSides, ...parents: string[]): Promise<string> => {
    const args = ["commit-tree", sides[side], ...parents.flatMap((parent) => ["-p", parent]), "-m", side];
    return (await runGit(writer, args)).trim();
  };
  const base = await write("base");
  const [ours, theirs] = await Promise.all([write("ours", base), write("theirs", base)]);
  return { base, ours, theirs };
}

async function mergeTrees(
  repository: Repository,
  commits: Record<keyof CodeSides, string>,
): Promise<{ tree: string } | { conflicts: string[] }> {
  const args = ["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", commits.ours, commits.theirs];
  const { status, stdout, stderr } = await tryGit(repository, args);
  const [head = "", ...paths] = stdout.split("\0");
  const tree = head.trim();
  if (status > CONFLICT || !/^[0-9a-f]{40}$/.test(tree)) throw new Error(`git merge-tree failed: ${stderr.trim()}`);
  return status === CONFLICT ? { conflicts: [...new Set(paths.filter((path) => path !== ""))].sort() } : { tree };
}

async function filesBetween(repository: Repository, sides: { ours: string; theirs: string }): Promise<MergedFile[]> {
  const args = ["diff-tree", "-r", "-z", "--no-renames", "--name-status", sides.ours, sides.theirs];
  const parts = (await runGit(repository, args)).split("\0");
  const files: MergedFile[] = [];
  for (let at = 0; at + 1 < parts.length; at += 2) {
    files.push({ path: parts[at + 1] ?? "", change: CHANGES[parts[at] ?? ""] ?? "changed" });
  }
  return files;
}
