/** The files of a slug: how large they are together, what their Procfile says, and that nobody changes them. */
import { chmod, lstat, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseProcfile, type Procfile } from "../core/procfile.ts";
import type { TreeFile } from "./git.ts";

/** Of what was built; a link may lead anywhere. */
export async function procfileIn(dir: string): Promise<Procfile | undefined> {
  const file = join(dir, "Procfile");
  const about = await lstat(file).catch(() => undefined);
  if (about?.isFile() !== true) return undefined;
  const procfile = parseProcfile(await readFile(file, "utf8"));
  return procfile.size === 0 ? undefined : procfile;
}

export function sizeOf(files: readonly TreeFile[]): number {
  return files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** A name that is not UTF-8 was not read as it is. */
export function hasReadableName({ path }: TreeFile): boolean {
  return !path.includes("\ufffd");
}

export async function protect(files: readonly TreeFile[], dir: string): Promise<void> {
  const regular = files.filter(({ mode }) => mode.startsWith("100"));
  await Promise.all(regular.map(({ path, mode }) => chmod(join(dir, path), mode === "100755" ? 0o555 : 0o444)));
}
