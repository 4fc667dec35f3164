/** Directories that slugs have in common as a whole. `layers/KEY/app` holds them, read-only, and whoever shows a slug lays
 *  them over it. A slug names its layers by links in `layers` beside its `app`; that this directory is there says also that
 *  other slugs have files in common with this one (docs/decisions/145-shared-slugs.md). */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, readlink, rename, symlink, utimes } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
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
  async keep(key: string, name: string, protect: (dir: string) => Promise<number>): Promise<void> {
    const source = join(this.#place.app, name);
    if (!existsSync(source)) return;
    const root = join(this.#appDir, "layers");
    const unfinished = join(this.#place.dir, "layer");
    await mkdir(join(unfinished, "app"), { recursive: true });
    await this.#place.endTools();
    await rename(source, join(unfinished, "app", name));
    const sizeBytes = await protect(join(unfinished, "app"));
    const sum = await sumOfDirectory(this.#git, join(unfinished, "app"));
    const about = { name, sizeBytes, ...(sum !== undefined && { sum }), stamp: stampOf(join(unfinished, "app")) };
    await writeSynced(join(unfinished, "layer.json"), formatJson(about));
    await mkdir(root, { recursive: true });
    const isFirst = await rename(unfinished, join(root, key)).then(() => true, occupied);
    await syncDirectory(root);
    if (!isFirst) await remove(unfinished);
    await this.use(key);
  }

  /** Each has its place in the slug, for machines on which a slug is shown without an overlay. */
  async makePlaces(): Promise<Layer[]> {
    const layers = await layersOf(this.#place.dir);
    for (const { name } of layers) await mkdir(join(this.#place.app, name), { recursive: true });
    return layers;
  }
}

async function findLayer(appDir: string, key: string): Promise<Layer | undefined> {
  const dir = join(appDir, "layers", key);
  const text = await readFile(join(dir, "layer.json"), "utf8").catch(absent);
  return text === undefined
    ? undefined
    : { ...(JSON.parse(text) as Omit<Layer, "key" | "dir">), key, dir: join(dir, "app") };
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
