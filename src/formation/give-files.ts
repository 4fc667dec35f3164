/** Makes files somebody else's, for processes that run as a user of their app. */
import { chmod, lchown, lstat, readdir, realpath } from "node:fs/promises";
import { join } from "node:path";

const AT_ONCE = 32;

/** Everything in a directory, or in the one that a link leads to, that is built once: nothing is done when the directory is that user's already, for it is the last
 *  that changes hands. Files may be written to by their owner afterwards, as what shows them takes what is written elsewhere. */
export async function giveOnce(place: string, user: number): Promise<void> {
  const directory = await realpath(place);
  if ((await lstat(directory)).uid !== user) await giveAll(directory, user);
}

/** Links in it are given, not what they lead to. */
export async function giveAll(directory: string, user: number): Promise<void> {
  const entries = await readdir(directory, { withFileTypes: true });
  for (let index = 0; index < entries.length; index += AT_ONCE) {
    await Promise.all(
      entries.slice(index, index + AT_ONCE).map(async (entry) => {
        const path = join(directory, entry.name);
        if (entry.isDirectory()) await giveAll(path, user);
        else await give(path, user, entry.isFile());
      }),
    );
  }
  await give(directory, user, true);
}

async function give(path: string, user: number, hasMode: boolean): Promise<void> {
  if (hasMode) {
    const { mode } = await lstat(path);
    if ((mode & 0o200) === 0) await chmod(path, (mode & 0o777) | 0o200);
  }
  await lchown(path, user, user);
}
