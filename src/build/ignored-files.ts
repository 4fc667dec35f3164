/** The files that `.slugignore` keeps out of a slug. */
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parseSlugIgnore, type IsIgnored } from "../core/slug-ignore.ts";
import type { TreeFile } from "./git.ts";
import { removeIfEmpty, type LayOut } from "./lay-out.ts";
import { isSubmodule } from "./submodules.ts";

const FILE = ".slugignore";
const BYTES_MAX = 1024 * 1024;

/** Whether a path is kept out; nothing is where there is no such file, or it is no file that anybody wrote. */
export async function readIgnored(all: readonly TreeFile[], layOut: LayOut): Promise<IsIgnored> {
  const own = all.find(({ path }) => path === FILE);
  const isFile = own !== undefined && own.mode !== "120000" && own.sizeBytes <= BYTES_MAX;
  return (isFile ? parseSlugIgnore(await layOut.read(FILE)) : undefined) ?? (() => false);
}

/** Lays the code out where it must, and removes what is not among the rest, and the directories that are empty then, since git
 *  knows none. */
export async function removeIgnored(
  layOut: LayOut,
  root: string,
  { all, files }: { all: readonly TreeFile[]; files: readonly TreeFile[] },
): Promise<void> {
  if (files.length === all.length) return;
  await layOut.writable();
  const kept = new Set(files);
  const gone = all.filter((file) => !kept.has(file));
  for (const file of gone) if (!isSubmodule(file)) await rm(join(root, file.path), { force: true });
  for (const file of gone) await removeIfEmpty(root, isSubmodule(file) ? file.path : dirname(file.path));
}
