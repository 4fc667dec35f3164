/** Whether built code is still what it was when it was built. The sum tells for certain and reads every file; the stamp tells
 *  in some microseconds and looks at what lies at the top: enough for each launch to find a slug that was cut short, emptied
 *  or replaced. */
import { createHash } from "node:crypto";
import { lstatSync, readdirSync } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { feedProgram, type GitContext, type TreeFile } from "./git.ts";
import { hasReadableName } from "./slug-files.ts";

export interface Sums {
  /** SHA-256 in hex; absent where a name is not UTF-8. */
  sum?: string;
  stamp: string;
}

type Entry = Pick<TreeFile, "path" | "mode" | "oid">;

/** Of a tree, without a look at its files: as `git ls-tree -r` lists it, each line ended by a zero byte. */
export function sumOfTree(files: readonly Entry[]): string | undefined {
  if (!files.every(hasReadableName)) return undefined;
  const hash = createHash("sha256");
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  for (const { path, mode, oid } of sorted) hash.update(`${normalMode(mode)} ${oid}\t${path}\0`);
  return hash.digest("hex");
}

/** What git would say of the files in a directory. They are read by git, in a process of its own. */
export async function sumOfDirectory(git: GitContext, dir: string): Promise<string | undefined> {
  const entries: Entry[] = [];
  for (const path of await filesBelow(dir)) {
    const about = await lstat(join(dir, path)).catch(() => undefined);
    // A name that is not UTF-8 finds no file.
    if (about === undefined) return undefined;
    if (about.isSymbolicLink()) {
      entries.push({ path, mode: "120000", oid: blobId(await readlink(join(dir, path), "buffer")) });
    } else if (about.isFile()) {
      entries.push({ path, mode: (about.mode & 0o100) === 0 ? "100644" : "100755", oid: "" });
    }
  }
  const files = entries.filter(({ oid }) => oid === "");
  const paths = files.map(({ path }) => join(dir, path));
  const oids = await hashFiles(git, paths);
  for (const [index, file] of files.entries()) file.oid = oids[index] ?? "";
  return sumOfTree(entries);
}

async function filesBelow(dir: string): Promise<string[]> {
  const found: string[] = [];
  const waiting = [""];
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    for (const entry of await readdir(join(dir, directory), { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) waiting.push(path);
      else found.push(path);
    }
  }
  return found;
}

async function hashFiles(git: GitContext, paths: readonly string[]): Promise<string[]> {
  if (paths.length === 0) return [];
  const lines = paths.map((path) => `${path.includes("\n") ? quote(path) : path}\n`).join("");
  const output = await feedProgram(git, "git", ["hash-object", "--no-filters", "--stdin-paths"], lines);
  return output.toString("latin1").split("\n");
}

/** As git reads it in a line of paths. */
function quote(path: string): string {
  return `"${path.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`;
}

function blobId(content: Buffer): string {
  return createHash("sha1")
    .update(`blob ${String(content.length)}\0`)
    .update(content)
    .digest("hex");
}

function normalMode(mode: string): string {
  return mode.startsWith("100") ? (mode === "100755" ? mode : "100644") : mode;
}

/** Names, kinds, sizes and times of what lies at the top of a directory. */
export function stampOf(dir: string): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(dir).sort()) {
    const about = lstatSync(join(dir, name), { bigint: true, throwIfNoEntry: false });
    const size = about?.isDirectory() === true ? "" : String(about?.size);
    hash.update(`${name}\0${String((about?.mode ?? 0n) & 0o170100n)} ${size} ${String(about?.mtimeNs)}\0`);
  }
  return hash.digest("hex").slice(0, 16);
}
