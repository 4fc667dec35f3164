/** Whether a slug is what was built. A launch asks for the stamps, which cost microseconds; only when one is wrong, or when a
 *  person asks, is every file read. */
import { dirname, join } from "node:path";
import { readFile, rename } from "node:fs/promises";
import { formatJson, type Json } from "../core/json.ts";
import { stampOf, sumOfDirectory } from "./content-sum.ts";
import type { GitContext } from "./git.ts";
import { layersOf } from "./layers.ts";
import { syncDirectory, writeSynced } from "./slug-files.ts";
import type { Slug } from "./slug-store.ts";

export interface Damage {
  /** SHA-256 in hex. */
  expected: string;
  /** Undefined when it cannot be read. */
  actual: string | undefined;
  /** The layer that it is in; undefined for the slug's own files. */
  layer: string | undefined;
}

/** Slugs from before there were stamps are taken for what they should be. */
export async function looksIntact(slug: Slug): Promise<boolean> {
  if (slug.stamp === undefined) return true;
  try {
    if (stampOf(slug.dir) !== slug.stamp) return false;
    return (await layersOf(dirname(slug.dir))).every(({ dir, stamp }) => stampOf(dir) === stamp);
  } catch {
    return false;
  }
}

/** Reads all of it. */
export async function findDamage(git: GitContext, slug: Slug): Promise<Damage | undefined> {
  const layers = await layersOf(dirname(slug.dir)).catch(() => undefined);
  if (layers === undefined) return { expected: slug.sum ?? "", actual: undefined, layer: "missing" };
  const parts = [{ ...slug, key: undefined }, ...layers];
  for (const { sum: expected, dir, key: layer } of parts) {
    if (expected === undefined) continue;
    const actual = await sumOfDirectory(git, dir).catch(() => undefined);
    if (actual !== expected) return { expected, actual, layer };
  }
  return undefined;
}

/** Its files are right and their times are not, as in a copy of a home. Gives the new stamp. */
export async function stampAgain(slug: Slug): Promise<string> {
  const own = dirname(slug.dir);
  const stamp = stampOf(slug.dir);
  await rewrite(join(own, "slug.json"), stamp);
  for (const { dir } of await layersOf(own)) await rewrite(join(dirname(dir), "layer.json"), stampOf(dir));
  return stamp;
}

async function rewrite(file: string, stamp: string): Promise<void> {
  const about = JSON.parse(await readFile(file, "utf8")) as Record<string, Json>;
  await writeSynced(`${file}.tmp`, formatJson({ ...about, stamp }));
  await rename(`${file}.tmp`, file);
  await syncDirectory(dirname(file));
}
