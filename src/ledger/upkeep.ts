/** Upkeep of an app's repository: loose objects and small packs become few packs, so that a read costs the same at any
 *  number of releases, and the commit-graph knows which commits touched a path. It adds and merges and never drops an
 *  object, not even one that nothing refers to: what the ledger has seen once it may take for there. Killed at any
 *  moment it leaves only files that the next upkeep removes (docs/decisions/056-upkeep.md). */
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { runGitInBackground } from "./background-git.ts";
import type { Repository } from "./git-process.ts";

/** A release is three objects, so this is some hundreds of releases; git's own limit is 6,700. */
const LOOSE_MAX = 2_000;
/** Each is one more place to look in for every object. */
const PACKS_MAX = 20;
/** Each is a file that every push reads. */
const LOOSE_REFS_MAX = 100;
/** Ids are spread evenly, so one directory of 256 tells of all, as in git's own estimate. */
const SAMPLE_DIRECTORY = "17";
const DIRECTORIES = 256;
/** A pack of this size is left as it is, however few objects are in it. */
export const LARGE_PACK_BYTES = 128 * 1024 * 1024;
/** Written to all the while by a process that lives. */
const TEMPORARY_KEPT_MS = 3_600_000;
/** What a push has sent is not seen to grow while git works on it. */
const INCOMING_KEPT_MS = 24 * 3_600_000;

/** All that is written is synced, for what it replaces is deleted. One thread and little memory: nobody waits. */
const SETTINGS = ["core.fsync=all", "pack.threads=1", "pack.windowMemory=64m", "pack.deltaCacheSize=32m"];

/** Whether enough has been written. Looks at three directories. */
export async function isUpkeepDue(repositoryPath: string): Promise<boolean> {
  const [sample, packs, graph] = await Promise.all([
    readdirIfThere(join(repositoryPath, "objects", SAMPLE_DIRECTORY)),
    packSizes(repositoryPath),
    readdirIfThere(join(repositoryPath, "objects/info/commit-graphs")),
  ]);
  if (sample.length * DIRECTORIES >= LOOSE_MAX || packs.size >= PACKS_MAX) return true;
  // A repository that was restored or adopted.
  return packs.size > 0 && graph.length === 0;
}

/** Nobody else may do it to the same repository at the same time; everything else may go on meanwhile. Ends early when
 *  the signal aborts. */
export async function keepUp(repository: Repository, now: number, signal: AbortSignal): Promise<void> {
  await removeTemporaries(repository.path, now);
  const run = (...args: string[]): Promise<void> =>
    runGitInBackground(repository, [...SETTINGS.flatMap((setting) => ["-c", setting]), ...args], signal);
  const large = [...(await packSizes(repository.path))].filter(([, sizeBytes]) => sizeBytes >= LARGE_PACK_BYTES);
  await run("repack", "--geometric=2", "-d", "-n", "-q", ...large.map(([name]) => `--keep-pack=${name}`));
  await run("commit-graph", "write", "--split", "--reachable", "--changed-paths", "--no-progress");
  if ((await countLooseRefs(join(repository.path, "refs"))) > LOOSE_REFS_MAX) await run("pack-refs", "--all");
}

async function packSizes(repositoryPath: string): Promise<Map<string, number>> {
  const directory = join(repositoryPath, "objects/pack");
  const sizes = new Map<string, number>();
  for (const name of await readdirIfThere(directory)) {
    if (/^pack-.*\.pack$/.test(name)) sizes.set(name, (await statIfThere(join(directory, name)))?.size ?? 0);
  }
  return sizes;
}

/** A branch that is deleted meanwhile takes its directory along. */
async function countLooseRefs(directory: string): Promise<number> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(noneIfGone);
  const below = entries.filter((entry) => entry.isDirectory()).map(({ name }) => countLooseRefs(join(directory, name)));
  const counts = await Promise.all(below);
  return counts.reduce((sum, count) => sum + count, entries.filter((entry) => entry.isFile()).length);
}

/** What killed processes left: halves of objects and packs, and of pushes. */
async function removeTemporaries(repositoryPath: string, now: number): Promise<void> {
  const objects = join(repositoryPath, "objects");
  for (const directory of await readdirIfThere(objects)) {
    const isIncoming = /^(tmp_objdir-)?incoming-/.test(directory);
    if (isIncoming) await removeIfOlder(join(objects, directory), now - INCOMING_KEPT_MS);
    else if (/^([0-9a-f]{2}|pack|info)$/.test(directory)) await removeTemporaryFiles(join(objects, directory), now);
  }
  await removeTemporaryFiles(join(objects, "info/commit-graphs"), now);
  await removeTemporaryFiles(repositoryPath, now);
}

async function removeTemporaryFiles(directory: string, now: number): Promise<void> {
  for (const name of await readdirIfThere(directory)) {
    const isTemporary = /^(tmp_|\.tmp-|packed-refs\.new$)|\.lock$/.test(name);
    if (isTemporary) await removeIfOlder(join(directory, name), now - TEMPORARY_KEPT_MS);
  }
}

async function removeIfOlder(path: string, timeMs: number): Promise<void> {
  const found = await statIfThere(path);
  if (found !== undefined && found.mtimeMs < timeMs) await rm(path, { recursive: true, force: true });
}

async function statIfThere(path: string): Promise<{ size: number; mtimeMs: number } | undefined> {
  return stat(path).catch(() => undefined);
}

async function readdirIfThere(path: string): Promise<string[]> {
  return readdir(path).catch(noneIfGone);
}

function noneIfGone(error: NodeJS.ErrnoException): [] {
  if (error.code === "ENOENT") return [];
  throw error;
}
