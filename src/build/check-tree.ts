/** What a tree has that will not be what its author expects of it. */
import { AppError } from "../core/error.ts";
import { findLargeFilePointers } from "./large-files.ts";
import { findOutwardLinks } from "./outward-links.ts";
import type { TreeFile } from "./git.ts";

const NAMES_MAX = 3;

/** @param dir where the files are laid out */
export async function warnOfLinks(files: readonly TreeFile[], dir: string, say: (text: string) => void): Promise<void> {
  const links = await findOutwardLinks(files, dir);
  if (links.length > 0) say(` !     Symbolic links lead out of the app ${named(links)}\n`);
}

/** @throws AppError invalid_params for pointers of Git LFS: an app would get 130 bytes of text where it expects a picture */
export async function refusePointers(files: readonly TreeFile[], dir: string): Promise<void> {
  const pointers = await findLargeFilePointers(files, dir);
  if (pointers.length === 0) return;
  throw new AppError("invalid_params", `The code has pointers of Git LFS in the place of files ${named(pointers)}`, {
    hint: "A push does not carry what they point to. Commit the files (git lfs migrate export), or name them in .slugignore.",
  });
}

function named(names: readonly string[]): string {
  const list = names.slice(0, NAMES_MAX).join(", ") + (names.length > NAMES_MAX ? ", …" : "");
  return `(${String(names.length)}): ${list}`;
}
