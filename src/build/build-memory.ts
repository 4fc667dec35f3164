/** Which slug a commit's code was built to, where that is not decided by the code alone: the app's buildpacks may be others
 *  by now. So an old release finds its slug, or has it built again by the same buildpacks. */
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { formatJson, type Json } from "../core/json.ts";
import type { ChosenBuildpack } from "./fetch-buildpack.ts";
import { absent, findSlug, type Slug, type StoredSlug } from "./slug-store.ts";

export interface BuildMemory {
  /** If it is there still. */
  slug: Slug | undefined;
  /** For a build like that one. */
  buildpacks: readonly ChosenBuildpack[];
}

const COMMIT = /^[0-9a-f]{40}$/;

/** Undefined for code that was built by the platform's own choice, or never. */
export async function recallBuild(appDir: string, commit: string): Promise<BuildMemory | undefined> {
  if (!COMMIT.test(commit)) return undefined;
  const text = await readFile(fileOf(appDir, commit), "utf8").catch(absent);
  if (text === undefined) return undefined;
  const { slug, buildpacks } = JSON.parse(text) as { slug: string; buildpacks: ChosenBuildpack[] };
  return { slug: await findSlug(appDir, slug), buildpacks };
}

/** Durable once it resolves. */
export async function rememberBuild(appDir: string, commit: string, slug: StoredSlug): Promise<void> {
  const file = fileOf(appDir, commit);
  if (slug.buildpacks === undefined) return rm(file, { force: true });
  await mkdir(join(appDir, "built"), { recursive: true });
  const handle = await open(`${file}.new`, "w", 0o600);
  await handle.writeFile(formatJson({ slug: slug.id, buildpacks: slug.buildpacks } as unknown as Json));
  await handle.sync();
  await handle.close();
  await rename(`${file}.new`, file);
}

function fileOf(appDir: string, commit: string): string {
  return join(appDir, "built", `${commit}.json`);
}
