/** Files that may be gone: retention takes an old segment away at any time. */

/** Undefined when the file is not there. */
export async function ifThere<T>(work: Promise<T>): Promise<T | undefined> {
  return work.catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return undefined;
  });
}
