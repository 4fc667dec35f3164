/** Which slug a release runs on, where that is not decided by its code alone: the app's buildpacks may be others by now, and
 *  others may have built the same code since. So an old release finds its own slug, or has it built again by the same
 *  buildpacks. */
import { rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { formatJson, type Json } from "../core/json.ts";
import { formatVersion } from "../core/release.ts";
import type { ChosenBuildpack } from "../build/fetch-buildpack.ts";
import type { Slug } from "../build/slug-store.ts";
import { readIfThere, syncDirectory, writeDurably } from "../ledger/durable-file.ts";
import type { App } from "./app.ts";

export interface BuildMemory {
  /** Its id. */
  slug: string;
  /** For a build like that one. */
  buildpacks: readonly ChosenBuildpack[];
}

/** Undefined for a slug that the platform's own choice leads to. */
export async function recallBuild(app: App, version: number): Promise<BuildMemory | undefined> {
  const text = await readIfThere(fileOf(app, version));
  return text === undefined ? undefined : (JSON.parse(text) as BuildMemory);
}

/** To be called before the release is made. Durable once it resolves.
 *  @param from the slug that was built for it, or the version whose code it takes over */
export async function rememberBuild(app: App, version: number, from: Slug | number): Promise<void> {
  const slug = typeof from === "number" ? app.slugs.get(from) : from;
  // A release of this version may have been planned before, and not made.
  if (slug === undefined) app.slugs.delete(version);
  else app.slugs.set(version, slug);
  const file = fileOf(app, version);
  const memory = typeof from === "number" ? await recallBuild(app, from) : memoryOf(from);
  if (memory === undefined) return rmSync(file, { force: true });
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeDurably(file, formatJson({ ...memory } as unknown as Json), 0o600);
  await syncDirectory(dirname(file));
}

function memoryOf({ id, buildpacks }: Slug): BuildMemory | undefined {
  return buildpacks === undefined ? undefined : { slug: id, buildpacks };
}

function fileOf(app: App, version: number): string {
  return join(app.dir, "built", `${formatVersion(version)}.json`);
}
