/** What differs between the code of two releases, as git tells it: files with their counts of lines, and the commits on
 *  either side. Names come in git's NUL-separated form, so that no file name can be taken for anything else. */
import { AppError } from "../core/error.ts";
import { millisecondsOf, straightLine, type CodeCommit } from "./code-commits.ts";
import type { Repository } from "./git-process.ts";
import { gitOutput } from "./git-output.ts";
import type { ObjectReader } from "./object-reader.ts";
import { TreeDiffer } from "./tree-differ.ts";

/** The code of a release; both are absent until the first deploy. */
export interface Code {
  commit: string | undefined;
  tree: string | undefined;
}

export type FileStatus = "added" | "changed" | "removed" | "renamed";

export interface FileChange {
  path: string;
  /** The name before a rename. */
  previousPath: string | undefined;
  status: FileStatus;
  /** Lines; undefined for binary files. */
  added: number | undefined;
  removed: number | undefined;
  /** Object ids of the contents; undefined where there is no file. */
  before: string | undefined;
  after: string | undefined;
}

/** Newest first. */
export interface CommitsBetween {
  /** In the newer code and not in the older. */
  added: CodeCommit[];
  /** In the older code and not in the newer: taken back. */
  removed: CodeCommit[];
  /** Whether there are more than are listed. */
  isCut: boolean;
}

/** git knows this tree without having it. */
const EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
const NO_OBJECT = /^0+$/;
const COMMITS_MAX = 500;
/** Some 200,000 files. */
const OUTPUT_BYTES_MAX = 32 * 1024 * 1024;
const COMMIT_FIELDS = 6;
/** What no program of the person's configuration may take part in. */
const PLAIN = ["--no-ext-diff", "--no-textconv"];

const FILES_FORMAT = ["--raw", "--numstat", "-z", "-M", "--no-abbrev", "--no-color", ...PLAIN];

export function makeFileDiffer(repository: Repository): TreeDiffer {
  return new TreeDiffer(repository, FILES_FORMAT);
}

/** In the order of their names, a rename under its new one. */
export async function changedFiles(
  repository: Repository,
  differ: TreeDiffer,
  [from, to]: readonly [Code, Code],
): Promise<FileChange[]> {
  if (from.tree === to.tree) return [];
  const trees = [treeOf(from), treeOf(to)] as const;
  const answer = await differ.ask(...trees, OUTPUT_BYTES_MAX);
  if (answer === "too much") throw tooMuch();
  return parseFiles(
    answer?.toString("utf8") ?? (await wholeOutput(repository, ["diff", ...FILES_FORMAT, ...trees, "--"])),
  );
}

/** `git diff` as it prints it, the colours of git's defaults where they are wanted. */
export async function* patch(
  repository: Repository,
  [from, to]: readonly [Code, Code],
  { colours, bytesMax }: { colours: boolean; bytesMax: number },
): AsyncGenerator<Buffer> {
  if (from.tree === to.tree) return;
  const what = ["diff", "-p", "-M", `--color=${colours ? "always" : "never"}`, ...PLAIN];
  let bytes = 0;
  for await (const chunk of gitOutput(repository, [...what, treeOf(from), treeOf(to), "--"])) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new AppError("invalid_params", `The patch has more than ${String(bytesMax)} bytes.`);
    yield chunk;
  }
}

export async function commitsBetween(
  repository: Repository,
  reader: ObjectReader,
  [from, to]: readonly [Code, Code],
): Promise<CommitsBetween> {
  if (from.commit !== undefined && to.commit !== undefined) {
    const added = await straightLine(reader, from.commit, to.commit);
    if (added !== undefined) return { added, removed: [], isCut: false };
  }
  return askForCommits(repository, from, to);
}

async function askForCommits(repository: Repository, from: Code, to: Code): Promise<CommitsBetween> {
  const range = from.commit === undefined || to.commit === undefined ? "" : `${from.commit}...${to.commit}`;
  const start = range || (to.commit ?? from.commit);
  if (start === undefined) return { added: [], removed: [], isCut: false };
  const format = "--format=%m%x00%H%x00%an%x00%ae%x00%at%x00%s";
  const what = ["log", "-z", "--left-right", "--encoding=UTF-8", `--max-count=${String(COMMITS_MAX + 1)}`, format];
  const commits = parseCommits(await wholeOutput(repository, [...what, start, "--"]));
  const shown = commits.slice(0, COMMITS_MAX);
  // A single commit is no range: then all is on the side that has code.
  const isRemoved = (mark: string): boolean => (range === "" ? to.commit === undefined : mark === "<");
  return {
    added: shown.filter(({ mark }) => !isRemoved(mark)).map(({ commit }) => commit),
    removed: shown.filter(({ mark }) => isRemoved(mark)).map(({ commit }) => commit),
    isCut: commits.length > shown.length,
  };
}

/** What is far more than any person compares must not fill the daemon's memory either. */
async function wholeOutput(repository: Repository, args: readonly string[]): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of gitOutput(repository, args)) {
    bytes += chunk.length;
    if (bytes > OUTPUT_BYTES_MAX) throw tooMuch();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function tooMuch(): AppError {
  return new AppError("invalid_params", "These releases differ in too much to be listed.", {
    hint: "Fetch the releases and compare them with `git diff` in your clone.",
  });
}

function treeOf(code: Code): string {
  return code.tree ?? EMPTY_TREE;
}

function parseCommits(output: string): { mark: string; commit: CodeCommit }[] {
  const fields = output.split("\0");
  return Array.from({ length: Math.floor(fields.length / COMMIT_FIELDS) }, (_, index) => {
    const at = index * COMMIT_FIELDS;
    const [mark = "", oid = "", name = "", email = "", seconds = "", subject = ""] = fields.slice(
      at,
      at + COMMIT_FIELDS,
    );
    return {
      mark,
      commit: { oid, subject, author: { name, email }, createdAt: millisecondsOf(seconds) },
    };
  });
}

/** First all entries of `--raw`, then all of `--numstat`, in the same order. */
function parseFiles(output: string): FileChange[] {
  const fields = output.split("\0");
  const files: FileChange[] = [];
  let at = 0;
  const next = (): string => fields[at++] ?? "";
  while (fields[at]?.startsWith(":") === true) files.push(parseRaw(next(), next));
  for (const file of files) {
    const [, added, removed, path] = /^(\d+|-)\t(\d+|-)\t(.*)$/s.exec(next()) ?? [];
    if (added === undefined) throw new Error("git's counts of lines cannot be read.");
    if (path === "") at += 2;
    file.added = added === "-" ? undefined : Number(added);
    file.removed = removed === "-" ? undefined : Number(removed);
  }
  return files;
}

const STATUSES: Readonly<Record<string, FileStatus>> = { A: "added", D: "removed", R: "renamed" };

function parseRaw(head: string, next: () => string): FileChange {
  const [, , before = "", after = "", letter = ""] = head.split(" ");
  const status = STATUSES[letter.charAt(0)] ?? "changed";
  const previousPath = status === "renamed" ? next() : undefined;
  const blobs = { before: oidOrNothing(before), after: oidOrNothing(after) };
  return { path: next(), previousPath, status, added: undefined, removed: undefined, ...blobs };
}

function oidOrNothing(oid: string): string | undefined {
  return NO_OBJECT.test(oid) ? undefined : oid;
}
