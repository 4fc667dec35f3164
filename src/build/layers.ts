/** Directories that slugs have in common as a whole. `layers/KEY/app` holds them, read-only, and whoever shows a slug lays
 *  them over it. A slug names its layers by links in `layers` beside its `app`; that this directory is there says also that
 *  other slugs have files in common with this one (docs/decisions/145-shared-slugs.md). */
import { createHash } from "node:crypto";
import { lstat, mkdir, readdir, readFile, readlink, rename, symlink, utimes } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { formatJson } from "../core/json.ts";
import { stampOf, sumOfDirectory, type Sums } from "./content-sum.ts";
import type { GitContext } from "./git.ts";
import { absent, occupied, remove, syncDirectory, writeSynced } from "./slug-files.ts";
import type { Workplace } from "./slug-store.ts";

export interface Layer extends Sums {
  key: string;
  /** Holds what is laid over a slug. */
  dir: string;
  /** The only entry of that directory. */
  name: string;
  sizeBytes: number;
}

type Stored = Omit<Layer, "key" | "dir">;
type Protect = (dir: string) => Promise<number>;

/** What a build may do with layers. */
export class SiteLayers {
  readonly #place: Workplace;
  readonly #appDir: string;
  readonly #git: GitContext;

  constructor(place: Workplace, appDir: string, git: GitContext) {
    this.#place = place;
    this.#appDir = appDir;
    this.#git = git;
  }

  /** Makes the layer a part of this build's slug; false when there is none of this key. */
  async use(key: string): Promise<boolean> {
    const layer = await findLayer(this.#appDir, key);
    if (layer === undefined) return false;
    const now = new Date();
    await utimes(dirname(layer.dir), now, now);
    const links = join(this.#place.dir, "layers");
    await mkdir(links, { recursive: true });
    await symlink(join("../../../layers", key, "app"), join(links, key)).catch(occupied);
    return true;
  }

  /** Moves a directory of the app into a new layer, complete or not at all.
   *  @param protect takes the write permission from the files below a directory */
  async keep(key: string, name: string, protect: Protect): Promise<void> {
    if (!(await this.#has(name))) return;
    const { dir, about } = await this.#takeOut(name, protect);
    await this.#put(key, dir, about);
  }

  /** The same under a key made of its contents, so that slugs have in common what came out the same in each. */
  async share(name: string, protect: Protect): Promise<void> {
    const isThere = (await layersOf(this.#place.dir)).some((layer) => layer.name === name);
    if (isThere || !(await this.#has(name))) return;
    const { dir, about } = await this.#takeOut(name, protect);
    if (about.sum === undefined) await rename(join(dir, "app", name), join(this.#place.app, name));
    else await this.#put(await keyOfContents(about.sum, join(dir, "app")), dir, about);
  }

  async #has(name: string): Promise<boolean> {
    return (await lstat(join(this.#place.app, name)).catch(absent))?.isDirectory() === true;
  }

  async #takeOut(name: string, protect: Protect): Promise<{ dir: string; about: Stored }> {
    const dir = join(this.#place.dir, "layer");
    const app = join(dir, "app");
    await mkdir(app, { recursive: true });
    await this.#place.endTools();
    await rename(join(this.#place.app, name), join(app, name));
    const sizeBytes = await protect(app);
    const sum = await sumOfDirectory(this.#git, app);
    return { dir, about: { name, sizeBytes, ...(sum !== undefined && { sum }), stamp: stampOf(app) } };
  }

  async #put(key: string, dir: string, about: Stored): Promise<void> {
    const root = join(this.#appDir, "layers");
    await writeSynced(join(dir, "layer.json"), formatJson({ ...about }));
    await mkdir(root, { recursive: true });
    const isFirst = await rename(dir, join(root, key)).then(() => true, occupied);
    await syncDirectory(root);
    if (!isFirst) await remove(dir);
    await this.use(key);
  }

  /** Each has its place in the slug, for machines on which a slug is shown without an overlay. */
  async makePlaces(): Promise<Layer[]> {
    const layers = await layersOf(this.#place.dir);
    for (const { name } of layers) await mkdir(join(this.#place.app, name), { recursive: true });
    return layers;
  }
}

/** Directories count too: a sum says nothing of those that are empty. */
async function keyOfContents(sum: string, dir: string): Promise<string> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const directories = entries.filter((one) => one.isDirectory()).map((one) => join(one.parentPath, one.name));
  const paths = directories.map((path) => relative(dir, path)).sort();
  return createHash("sha256")
    .update([sum, ...paths].join("\0"))
    .digest("hex")
    .slice(0, 32);
}

async function findLayer(appDir: string, key: string): Promise<Layer | undefined> {
  const dir = join(appDir, "layers", key);
  const text = await readFile(join(dir, "layer.json"), "utf8").catch(absent);
  return text === undefined ? undefined : { ...(JSON.parse(text) as Stored), key, dir: join(dir, "app") };
}

/** Every layer of an app. */
export async function listLayers(appDir: string): Promise<Layer[]> {
  const keys = (await readdir(join(appDir, "layers")).catch(absent)) ?? [];
  const layers = await Promise.all(keys.map((key) => findLayer(appDir, key)));
  return layers.filter((one) => one !== undefined);
}

/** Those of a slug, or of what becomes one.
 *  @throws Error when one is not there */
export async function layersOf(slugDir: string): Promise<Layer[]> {
  const links = join(slugDir, "layers");
  const layers: Layer[] = [];
  for (const name of ((await readdir(links).catch(absent)) ?? []).sort()) {
    const key = basename(dirname(await readlink(join(links, name))));
    const layer = await findLayer(dirname(dirname(slugDir)), key);
    if (layer === undefined) throw new Error(`${slugDir} lacks its layer ${key}.`);
    layers.push(layer);
  }
  return layers;
}
