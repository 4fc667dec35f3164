/** Git LFS keeps a file's contents elsewhere and commits a pointer. A push carries the pointers only, so an app would
 *  start with 130 bytes of text where it expects a picture. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TreeFile } from "./git.ts";
import { PLAIN_FILE } from "./slug-files.ts";

/** The specification caps a pointer at 1024 bytes; real ones have about 130. */
const POINTER_BYTES_MAX = 1024;
const FIRST_LINE = "version https://git-lfs.github.com/spec/v1\n";

/** Paths of the pointers among the files laid out in `dir`; looks only where .gitattributes speak of LFS. */
export async function findLargeFilePointers(files: readonly TreeFile[], dir: string): Promise<string[]> {
  const regular = files.filter(({ mode }) => mode.startsWith("100"));
  if (!(await usesLargeFiles(regular, dir))) return [];
  const pointers: string[] = [];
  for (const { path, sizeBytes } of regular) {
    if (sizeBytes < FIRST_LINE.length || sizeBytes > POINTER_BYTES_MAX) continue;
    if ((await textOf(join(dir, path))).startsWith(FIRST_LINE)) pointers.push(path);
  }
  return pointers;
}

async function usesLargeFiles(files: readonly TreeFile[], dir: string): Promise<boolean> {
  for (const { path } of files.filter(({ path }) => /(^|\/)\.gitattributes$/.test(path))) {
    if ((await textOf(join(dir, path))).includes("filter=lfs")) return true;
  }
  return false;
}

/** Empty when there is none: a name that is not UTF-8 finds no file, and a buildpack may have put anything in its place. */
async function textOf(path: string): Promise<string> {
  return readFile(path, { encoding: "latin1", flag: PLAIN_FILE }).catch(() => "");
}
