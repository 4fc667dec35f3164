/** A slug of one app for another one. Nothing is built, and nothing is shared: what becomes of one app's files is no matter
 *  of the other's. Where the file system clones files, as `cp` does by itself, it takes no room either. */
import { mkdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { whenDiskFull } from "./build-failed.ts";
import { runProgram, type GitContext } from "./git.ts";
import { layersOf } from "./layers.ts";
import { occupied, remove, syncDirectory } from "./slug-files.ts";
import { findSlug, Workplace, type Slug } from "./slug-store.ts";

/** Complete under its id, or not there.
 *  @param appDir of the app that gets it */
export async function copySlug(slug: Slug, appDir: string, git: GitContext): Promise<Slug> {
  const known = await findSlug(appDir, slug.id);
  if (known !== undefined) return known;
  const place = await Workplace.make(appDir);
  try {
    for (const { key, dir } of await layersOf(dirname(slug.dir))) {
      await copyLayer(dirname(dir), join(appDir, "layers"), { key, place, git });
    }
    await remove(place.app);
    await runProgram(git, "cp", ["-a", `${dirname(slug.dir)}/.`, place.dir]);
    const { sum, ...facts } = slug;
    return await place.publish(appDir, { ...facts, sum });
  } catch (error) {
    await place.discard();
    throw whenDiskFull(error) ?? error;
  }
}

async function copyLayer(
  from: string,
  layers: string,
  { key, place, git }: { key: string; place: Workplace; git: GitContext },
): Promise<void> {
  const unfinished = join(place.dir, "layer");
  await runProgram(git, "cp", ["-a", from, unfinished]);
  await mkdir(layers, { recursive: true });
  const isFirst = await rename(unfinished, join(layers, key)).then(() => true, occupied);
  if (isFirst) await syncDirectory(layers);
  else await remove(unfinished);
}
