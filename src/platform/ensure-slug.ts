/** Slugs for releases: built by a push, found again by every later launch, rebuilt only when the disk lost one. */
import type { Release } from "../core/release.ts";
import { recallBuild } from "../build/build-memory.ts";
import { buildSlug, findBuilt } from "../build/build-slug.ts";
import { findSlugOfTree, type Slug } from "../build/slug-store.ts";
import type { App } from "./app.ts";
import { buildInputs, type BuildInputs } from "./buildpacks.ts";
import { exists } from "./home.ts";
import type { Platform } from "./platform.ts";

/** Builds with the buildpacks and the config of now.
 *  @throws AppError invalid_params with the reason when the code cannot be built; its tool's output was shown. */
export async function buildRelease(
  platform: Platform,
  app: App,
  commit: string,
  output: (text: string) => void,
): Promise<Slug> {
  const code = { commit, tree: await treeOf(app, commit) };
  return build({ platform, app, code, inputs: await buildInputs(app), output });
}

interface Build {
  platform: Platform;
  app: App;
  code: { commit: string; tree: string };
  inputs: BuildInputs;
  output: (text: string) => void;
}

async function build({ platform, app, code, inputs, output }: Build): Promise<Slug> {
  const slug = await buildSlug({
    repo: platform.home.repo(app.name),
    ...code,
    ...inputs,
    appDir: platform.home.app(app.name),
    output,
    signal: app.ending,
    clock: platform.clock,
    toolEnv: platform.toolEnv,
  });
  app.slugs.set(code.commit, slug);
  return slug;
}

async function treeOf(app: App, commit: string): Promise<string> {
  const tree = (await app.ledger.resolveCommit(commit))?.tree;
  if (tree === undefined) throw new Error(`${commit} is not in the repository of ${app.name}`);
  return tree;
}

/** The slug of a release's code, at once when it is there, whatever the app would be built with now. A rebuild (a
 *  restored backup, a deleted directory) uses the same buildpacks where they are known, and tells its output to the
 *  app's log. */
export async function ensureSlug(platform: Platform, app: App, release: Release): Promise<Slug> {
  const commit = release.code ?? "";
  const known = app.slugs.get(commit);
  if (known !== undefined && (await exists(known.dir))) return known;
  const appDir = platform.home.app(app.name);
  const code = { commit, tree: await treeOf(app, commit) };
  const memory = await recallBuild(appDir, commit);
  const found = memory === undefined ? await findWithoutMemory(appDir, code.tree) : memory.slug;
  if (found !== undefined) {
    app.slugs.set(commit, found);
    return found;
  }
  const inputs = await buildInputs(app);
  const output = buildLog(app);
  return build({
    platform,
    app,
    code,
    inputs: { ...inputs, ...(memory && { buildpacks: memory.buildpacks }) },
    output,
  });
}

async function findWithoutMemory(appDir: string, tree: string): Promise<Slug | undefined> {
  return (await findBuilt({ appDir, tree })) ?? (await findSlugOfTree(appDir, tree));
}

/** Where the output of a build goes that nobody watches. */
export function buildLog(app: App): (text: string) => void {
  return (text) => {
    for (const line of text.split("\n")) if (line.trim() !== "") app.log("build", line.trimEnd());
  };
}
