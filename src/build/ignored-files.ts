/** The files that `.slugignore` keeps out of a slug. */
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parseSlugIgnore } from "../core/slug-ignore.ts";
import type { TreeFile } from "./git.ts";
import { removeIfEmpty, type LayOut } from "./lay-out.ts";

const FILE = ".slugignore";
const BYTES_MAX = 1024 * 1024;

/** The rest: all of them where there is no such file, or it is no file that anybody wrote. */
export async function withoutIgnored(all: readonly TreeFile[], layOut: LayOut): Promise<readonly TreeFile[]> {
  const own = all.find(({ path }) => path === FILE);
  if (own === undefined || own.mode === "120000" || own.sizeBytes > BYTES_MAX) return all;
  const isIgnored = parseSlugIgnore(await layOut.read(FILE));
  return isIgnored === undefined ? all : all.filter(({ path }) => !isIgnored(path));
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
  const paths = all.filter((file) => !kept.has(file)).map(({ path }) => path);
  for (const path of paths) await rm(join(root, path), { force: true });
  for (const path of paths) await removeIfEmpty(root, dirname(path));
}
