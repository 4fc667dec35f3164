/** Files that are whole or absent, whatever dies when: a temporary name in the same directory, fsync, then the name.
 *  Only fsync can wait for a disk, so only fsync goes through the thread pool: on a busy machine each trip there costs
 *  more than the call itself, and a release is made of some dozens. */
import { closeSync, fsync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { link, open, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

/** Beside objects, `git prune` clears names like this one when a crash left them. */
const TEMPORARY = "tmp_obj_";
const syncFile = promisify(fsync);

/** Writes or replaces the file. */
export async function writeDurably(path: string, data: string | Uint8Array, mode: number): Promise<void> {
  const temporary = await writeTemporary(path, data, mode);
  renameSync(temporary, path);
}

/** Writes the file only if there is none; returns whether it did. */
export async function createDurably(path: string, data: string | Uint8Array, mode: number): Promise<boolean> {
  const temporary = await writeTemporary(path, data, mode);
  try {
    await link(temporary, path);
    await syncDirectory(dirname(path));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Makes the names in a directory durable, as fsync of a file does not. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

export function isTemporary(name: string): boolean {
  return name.startsWith(TEMPORARY);
}

async function writeTemporary(path: string, data: string | Uint8Array, mode: number): Promise<string> {
  const temporary = join(dirname(path), `${TEMPORARY}${randomBytes(8).toString("hex")}`);
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  const fd = openSync(temporary, "wx", mode);
  try {
    for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
    await syncFile(fd);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  return temporary;
}
