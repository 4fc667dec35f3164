/** What stands in an app's slug store, and how something goes: it is renamed to `.evicted-…` at once, so that it is there whole or
 *  not at all, and its files are removed afterwards, by the next one if this daemon is killed. */
import { randomBytes } from "node:crypto";
import { renameSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { runProgram, type GitContext } from "./git.ts";
import { listLayers } from "./layers.ts";
import { absent, remove } from "./slug-files.ts";
import { findSlug, isBuilding, SLUG_ID, type Slug } from "./slug-store.ts";

export interface ShelfSlug extends Slug {
  /** When it was built, milliseconds since the epoch. */
  builtAt: number;
}

const EVICTED = /^\.evicted-(.+)-[0-9a-f]{8}$/;
/** Layers that nobody uses any more, but a revert may. */
const SPARE_LAYERS = 3;

/** Oldest first. */
export async function listSlugs(appDir: string): Promise<ShelfSlug[]> {
  const ids = (await namesIn(join(appDir, "slugs"))).filter((name) => SLUG_ID.test(name));
  const found = await Promise.all(ids.map((id) => findShelved(appDir, id)));
  return found.filter((one) => one !== undefined).sort((a, b) => a.builtAt - b.builtAt);
}

async function findShelved(appDir: string, id: string): Promise<ShelfSlug | undefined> {
  const slug = await findSlug(appDir, id);
  const about = await stat(join(appDir, "slugs", id, "slug.json")).catch(absent);
  return slug === undefined || about === undefined ? undefined : { ...slug, builtAt: about.mtimeMs };
}

/** Takes slugs away in one moment. Does nothing while anything is being built, which may share files with one.
 *  @returns those that are gone */
export function setAside(appDir: string, ids: readonly string[]): string[] {
  if (isBuilding(appDir)) return [];
  return ids.filter((id) => moveAway(join(appDir, "slugs", id)));
}

/** A slug that is not what it should be, with the layers that are not. */
export function setAsideDamaged(slug: Slug, layer: string | undefined): void {
  const own = dirname(slug.dir);
  moveAway(own);
  if (layer !== undefined) moveAway(join(dirname(dirname(own)), "layers", layer));
}

function moveAway(path: string): boolean {
  const target = join(
    dirname(path),
    `.evicted-${path.slice(dirname(path).length + 1)}-${randomBytes(4).toString("hex")}`,
  );
  try {
    renameSync(path, target);
    return true;
  } catch (error) {
    absent(error);
    return false;
  }
}

/** Removes what was set aside, unless it is in use, and layers that no slug has.
 *  @param inUse ids of slugs that processes run on */
export async function clearAway(appDir: string, inUse: ReadonlySet<string>): Promise<void> {
  await removeEvicted(join(appDir, "slugs"), inUse);
  const wanted = await linkedLayers(appDir);
  const spare = await spareLayers(appDir, wanted);
  if (!isBuilding(appDir)) for (const key of spare) moveAway(join(appDir, "layers", key));
  await removeEvicted(join(appDir, "layers"), wanted);
}

async function removeEvicted(dir: string, inUse: ReadonlySet<string>): Promise<void> {
  for (const name of await namesIn(dir)) {
    const id = EVICTED.exec(name)?.[1];
    if (id !== undefined && !inUse.has(id)) await remove(join(dir, name));
  }
}

async function linkedLayers(appDir: string): Promise<Set<string>> {
  const slugs = join(appDir, "slugs");
  const links = (await namesIn(slugs)).map((name) => namesIn(join(slugs, name, "layers")));
  return new Set((await Promise.all(links)).flat());
}

async function spareLayers(appDir: string, wanted: ReadonlySet<string>): Promise<string[]> {
  const spare = (await listLayers(appDir)).filter(({ key }) => !wanted.has(key));
  const ages = await Promise.all(
    spare.map(async ({ key, dir }) => ({ key, usedAt: (await stat(dirname(dir))).mtimeMs })),
  );
  const old = ages.sort((a, b) => b.usedAt - a.usedAt).slice(SPARE_LAYERS);
  return old.map(({ key }) => key);
}

/** 126 and more: it could not be run, or was killed. */
const DU = 'du -sk "$@" 2>/dev/null; [ $? -lt 126 ]';

/** Bytes that each path takes on the disk and none before it, in the order of the paths; 0 for what is not there.
 *  Files that go while they are counted are no failure, as du has it.
 *  @throws ToolFailed without du */
export async function diskUse(git: GitContext, paths: readonly string[]): Promise<number[]> {
  if (paths.length === 0) return [];
  const there = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)));
  const asked = paths.filter((_, index) => there[index] !== undefined);
  if (asked.length === 0) return paths.map(() => 0);
  const output = (await runProgram(git, "sh", ["-c", DU, "du", ...asked])).toString("utf8");
  const sizes = new Map<string, number>();
  for (const line of output.split("\n")) {
    const tab = line.indexOf("\t");
    sizes.set(line.slice(tab + 1), Number(line.slice(0, tab)) * 1024);
  }
  return paths.map((path) => sizes.get(path) ?? 0);
}

async function namesIn(dir: string): Promise<string[]> {
  return readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
    return [];
  });
}
