/** Has the file system put the directories of runs apart. ext4 makes a directory near its parent, and passes over what was
 *  removed there within the last minute by looking at each: where many processes come and go, half of a start.
 *  The figures are in docs/decisions/096-runs-lie-apart.md. */
import { execFile } from "node:child_process";
import { statfs } from "node:fs/promises";
import { findProgram } from "./find-program.ts";

/** statfs(2): EXT4_SUPER_MAGIC. */
const EXT4 = 0xef53;

/** Never rejects: where it cannot be done, all is as it was. */
export async function spreadRuns(directory: string): Promise<void> {
  const { type } = await statfs(directory).catch(() => ({ type: 0 }));
  const chattr = type === EXT4 ? await findProgram("chattr") : undefined;
  if (chattr === undefined) return;
  // T: what is in it has nothing to do with each other (chattr(1)).
  await new Promise<void>((resolve) => {
    execFile(chattr, ["+T", directory], () => resolve());
  });
}
