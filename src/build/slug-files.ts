/** The files of a slug: how large they are together, what their Procfile says, and that nobody changes them; and how files
 *  of the store are written and removed. */
import { constants } from "node:fs";
import { chmod, lchown, lstat, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { parseProcfile, type Procfile } from "../core/procfile.ts";
import type { TreeFile } from "./git.ts";

/** To read a file with: follows no link, and waits for no writer of a pipe. */
export const PLAIN_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

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
export function hasReadableName({ path }: Pick<TreeFile, "path">): boolean {
  return !path.includes("\ufffd");
}

export async function protect(files: readonly TreeFile[], dir: string): Promise<void> {
  const regular = files.filter(({ mode }) => mode.startsWith("100"));
  await Promise.all(regular.map(({ path, mode }) => chmod(join(dir, path), mode === "100755" ? 0o555 : 0o444)));
}

/** Makes a directory itself the platform's again, where an app's user may have it: when that user needs it next, all that is in it
 *  is given (formation/give-files.ts). One that is not there is no error. */
export async function takeBack(directory: string): Promise<void> {
  if (process.getuid?.() === 0) await lchown(directory, 0, 0).catch(absent);
}

export async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}

/** On disk when it resolves. */
export async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, "w");
  await file.writeFile(text);
  await file.sync();
  await file.close();
}

export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, "r");
  await handle.sync();
  await handle.close();
}

export function absent(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
}

export function occupied(error: unknown): false {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
  return false;
}
