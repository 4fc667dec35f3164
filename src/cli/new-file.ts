/** A file that appears under its name when it is whole, private to the person; what was not finished is removed, also
 *  when the person interrupts. */
import { randomBytes } from "node:crypto";
import { link, open, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { AppError } from "../core/error.ts";

export interface NewFile {
  path: string;
  /** Whether a file that is there already is replaced. */
  force: boolean;
}

/** 128 and the signal's number, as a shell says it. */
const INTERRUPTED = 130;

/** @throws AppError conflict when there is a file already, invalid_params when there can be none. */
export async function checkNewFile({ path, force }: NewFile): Promise<void> {
  const [there, parent] = await Promise.all([statOf(path), statOf(dirname(path))]);
  if (parent?.isDirectory() !== true) {
    throw new AppError("invalid_params", `There is no directory ${dirname(path)}.`, { hint: "Make it first." });
  }
  if (there?.isDirectory() === true) {
    throw new AppError("invalid_params", `${path} is a directory.`, { hint: "Name a file in it." });
  }
  if (there !== undefined && !force) throw alreadyThere(path);
}

/** @throws AppError as `checkNewFile`, or whatever `write` throws; then there is no file. */
export async function writeNewFile<T>(target: NewFile, write: (file: FileHandle) => Promise<T>): Promise<T> {
  await checkNewFile(target);
  const temporary = join(dirname(target.path), `.${basename(target.path)}-${randomBytes(6).toString("hex")}`);
  const file = await open(temporary, "wx", 0o600);
  const leave = (): never => {
    rmSync(temporary, { force: true });
    process.exit(INTERRUPTED);
  };
  process.once("SIGINT", leave).once("SIGTERM", leave);
  try {
    const written = await write(file);
    await file.sync();
    await giveName(temporary, target);
    return written;
  } finally {
    process.off("SIGINT", leave).off("SIGTERM", leave);
    await file.close();
    await rm(temporary, { force: true });
  }
}

/** A link cannot replace what somebody else wrote meanwhile; some file systems have none. */
async function giveName(temporary: string, { path, force }: NewFile): Promise<void> {
  try {
    if (force) await rename(temporary, path);
    else await link(temporary, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") throw alreadyThere(path);
    if (code !== "EPERM" && code !== "ENOTSUP") throw error;
    await rename(temporary, path);
  }
  await syncDirectory(dirname(path));
}

/** So that a power cut cannot take a new name. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function alreadyThere(path: string): AppError {
  return new AppError("conflict", `There is a file ${path} already.`, {
    hint: "Choose another name, or replace it with --force.",
  });
}

async function statOf(path: string): Promise<Awaited<ReturnType<typeof stat>> | undefined> {
  return stat(path).catch(() => undefined);
}
