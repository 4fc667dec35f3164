/** What a tree has that will not be what its author expects of it. */
import { findLargeFilePointers } from "./large-files.ts";
import { findOutwardLinks } from "./outward-links.ts";
import type { TreeFile } from "./git.ts";

const NAMES_MAX = 3;

/** @param dir where the files are laid out */
export async function warnOfTree(files: readonly TreeFile[], dir: string, say: (text: string) => void): Promise<void> {
  const tell = (what: string, names: readonly string[]): void => {
    if (names.length === 0) return;
    const named = names.slice(0, NAMES_MAX).join(", ") + (names.length > NAMES_MAX ? ", …" : "");
    say(` !     ${what} (${String(names.length)}): ${named}\n`);
  };
  tell("Git LFS files are not fetched, the app gets pointers", await findLargeFilePointers(files, dir));
  tell("Symbolic links lead out of the app", await findOutwardLinks(files, dir));
}
