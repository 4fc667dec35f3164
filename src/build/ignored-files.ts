/** The files that `.slugignore` keeps out of a slug. */
import { rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parseSlugIgnore } from "../core/slug-ignore.ts";
import type { TreeFile } from "./git.ts";
import type { LayOut } from "./lay-out.ts";

const FILE = ".slugignore";
const BYTES_MAX = 1024 * 1024;

/** Their paths; none where there is no such file, or it is no file that anybody wrote. */
export async function ignoredFiles(files: readonly TreeFile[], layOut: LayOut): Promise<ReadonlySet<string>> {
  const own = files.find(({ path }) => path === FILE);
  if (own === undefined || own.mode === "120000" || own.sizeBytes > BYTES_MAX) return new Set();
  const isIgnored = parseSlugIgnore(await layOut.read(FILE));
  if (isIgnored === undefined) return new Set();
  return new Set(files.map(({ path }) => path).filter((path) => isIgnored(path)));
}

/** And the directories that are empty then, since git knows none. */
export async function removeFiles(root: string, paths: ReadonlySet<string>): Promise<void> {
  for (const path of paths) await rm(join(root, path), { force: true });
  for (const path of paths) {
    for (let dir = dirname(path); dir !== "."; dir = dirname(dir)) {
      const isEmpty = await rmdir(join(root, dir)).then(
        () => true,
        () => false,
      );
      if (!isEmpty) break;
    }
  }
}
