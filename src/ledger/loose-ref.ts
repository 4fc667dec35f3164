/** A quick look at a ref: whether it still is what it was. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Repository } from "./git-process.ts";

/** The object id in the ref's own file; undefined when git must be asked, as after it has packed its refs. The file goes
 *  before packed refs and is replaced as a whole, so what it says is what the ref points to now. It has 41 bytes: reading
 *  them takes a tenth of the time of asking a git process, and less than a turn of the thread pool. */
export function readLooseRef(repository: Repository, name: string): string | undefined {
  try {
    const text = readFileSync(join(repository.path, name), "latin1");
    return /^[0-9a-f]{40}\n$/.test(text) ? text.slice(0, 40) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the ref has a file of its own, which goes before packed refs. */
export function hasLooseRef(repository: Repository, name: string): boolean {
  return statSync(join(repository.path, name), { throwIfNoEntry: false }) !== undefined;
}

/** Another text whenever git has packed refs, or has removed one of those: it replaces their file as a whole. Empty as long as there
 *  is none. */
export function stampOfPackedRefs(repository: Repository): string {
  const found = statSync(join(repository.path, "packed-refs"), { throwIfNoEntry: false, bigint: true });
  return found === undefined ? "" : [found.ino, found.size, found.mtimeNs, found.ctimeNs].join(" ");
}
