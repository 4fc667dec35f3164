/** Lock files that a killed git left behind: nothing else ever clears them, and each blocks its ref for good. */
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";

/** Locks of the refs that only the platform moves; the daemon holds its home alone, so at start they are nobody's. */
const OWN = /^(HEAD|refs\/heads\/(main|master|releases)|refs\/(heroku|notes)\/.+)\.lock$/;
/** Of upkeep, which ends with its daemon. The last is no lock, but git will not write over it. */
const UPKEEP = [
  "objects/info/commit-graph.lock",
  "objects/info/commit-graphs/commit-graph-chain.lock",
  "packed-refs.lock",
  "packed-refs.new",
];
/** A push to another branch may have outlived the daemon; it holds its lock for milliseconds. */
const OTHERS_AGE_MS = 60_000;

export async function removeStaleLocks(repositoryPath: string, now: number): Promise<void> {
  const inRefs = (await readdir(join(repositoryPath, "refs"), { recursive: true })).map((path) => `refs/${path}`);
  const locks = [...inRefs.filter((path) => path.endsWith(".lock")), "HEAD.lock"];
  for (const lock of UPKEEP) await rm(join(repositoryPath, lock), { force: true });
  for (const lock of locks) {
    const path = join(repositoryPath, lock);
    if (OWN.test(lock) || (await isOlder(path, now - OTHERS_AGE_MS))) await rm(path, { force: true });
  }
}

async function isOlder(path: string, timeMs: number): Promise<boolean> {
  try {
    return (await stat(path)).mtimeMs < timeMs;
  } catch {
    return false;
  }
}
