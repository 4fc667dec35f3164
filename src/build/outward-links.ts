/** Symbolic links of an app that lead out of it. They are kept as they are, but what they lead to is not part of a slug, and
 *  a build that writes through one writes to the machine: worth a warning. */
import { readlink } from "node:fs/promises";
import { dirname, isAbsolute, join, normalize } from "node:path";
import type { TreeFile } from "./git.ts";

/** `path -> target` of those among the files laid out in `dir`. */
export async function findOutwardLinks(files: readonly TreeFile[], dir: string): Promise<string[]> {
  const links = files.filter(({ mode }) => mode === "120000");
  const found = await Promise.all(
    links.map(async ({ path }) => {
      // A name that is not UTF-8 finds no file.
      const target = await readlink(join(dir, path)).catch(() => "");
      return leadsOut(path, target) ? `${path} -> ${target}` : undefined;
    }),
  );
  return found.filter((one) => one !== undefined);
}

/** Every slug is at /app for its processes. */
function leadsOut(path: string, target: string): boolean {
  if (isAbsolute(target)) return target !== "/app" && !target.startsWith("/app/");
  return normalize(join(dirname(path), target)).split("/", 1)[0] === "..";
}
