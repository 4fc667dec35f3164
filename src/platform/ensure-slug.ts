/** Slugs for releases: built by a push, found again by every later launch, rebuilt only when the disk lost one. */
import { AppError } from "../core/error.ts";
import type { Release } from "../core/release.ts";
import { buildSlug } from "../build/build-slug.ts";
import { findBuilt } from "../build/find-built.ts";
import { findSlug, findSlugOfTree, type Slug } from "../build/slug-store.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { recallBuild, rememberBuild } from "./build-memory.ts";
import { buildInputs, type BuildInputs } from "./buildpacks.ts";
import type { Build } from "./builds.ts";
import { exists } from "./home.ts";
import type { Platform } from "./platform.ts";

/** One build, in a record of its own. Its output is shown and kept.
 *  @throws AppError as `buildRelease`; BuildCancelled. */
export async function recordBuild(
  platform: Platform,
  app: App,
  { commit, actor, begin = "" }: { commit: string; actor: Actor; begin?: string },
  finish: (slug: Slug, show: Show) => void | Promise<void> = () => undefined,
): Promise<RecordedBuild> {
  const build = app.builds.begin(commit, actor, platform.clock.now());
  const show: Show = (text) => {
    build.output.write(text);
    actor.output?.(text);
  };
  const cancelling = new AbortController();
  const cancel = (): void => cancelling.abort();
  for (const signal of [app.ending, build.signal]) signal.addEventListener("abort", cancel);
  if (app.isEnding) cancel();
  try {
    show(begin);
    const slug = await buildRelease(platform, app, commit, { output: show, signal: cancelling.signal });
    await finish(slug, show);
    build.succeeded(platform.clock.now(), slug);
    return { build, slug };
  } catch (error) {
    const { cancelled } = build;
    const reason = error instanceof AppError ? reasonOf(error) : "a fault of the platform";
    build.output.write(`\n !     ${cancelled ?? reason}\n`);
    build.failed(platform.clock.now(), reason);
    if (cancelled === undefined || app.isEnding) throw error;
    throw new BuildCancelled(cancelled, error);
  } finally {
    app.ending.removeEventListener("abort", cancel);
  }
}

/** Somebody ended the build. */
export class BuildCancelled extends AppError {
  constructor(how: string, cause: unknown) {
    super("conflict", `build ${how}`, { hint: "Nothing was released.", cause });
  }
}

export interface RecordedBuild {
  build: Build;
  slug: Slug;
}

type Show = (text: string) => void;

function reasonOf({ message, hint }: AppError): string {
  return hint === undefined ? message : `${message} (${hint})`;
}

/** Builds with the buildpacks and the config of now.
 *  @throws AppError invalid_params with the reason when the code cannot be built; its tool's output was shown. */
export async function buildRelease(
  platform: Platform,
  app: App,
  commit: string,
  { output, signal = app.ending }: { output: Show; signal?: AbortSignal },
): Promise<Slug> {
  const code = { commit, tree: await treeOf(app, commit) };
  return build({ platform, app, code, inputs: await buildInputs(app, await platform.isolation), output, signal });
}

interface CodeToBuild {
  platform: Platform;
  app: App;
  code: { commit: string; tree: string };
  inputs: BuildInputs;
  output: Show;
  signal: AbortSignal;
}

async function build({ platform, app, code, inputs, output, signal }: CodeToBuild): Promise<Slug> {
  return buildSlug({
    repo: platform.home.repo(app.name),
    ...code,
    ...inputs,
    appDir: platform.home.app(app.name),
    output,
    signal,
    slot: () => platform.buildSlots.take(`${code.commit.slice(0, 7)} of ${app.name}`, signal, output),
    clock: platform.clock,
    toolEnv: platform.toolEnv,
  });
}

async function treeOf(app: App, commit: string): Promise<string> {
  const tree = (await app.ledger.resolveCommit(commit))?.tree;
  if (tree === undefined) throw new Error(`${commit} is not in the repository of ${app.name}`);
  return tree;
}

/** The slug of a release, at once when it is there, whatever the app would be built with now. A rebuild (a
 *  restored backup, a deleted directory) uses the same buildpacks where they are known, and tells its output to the
 *  app's log. */
export async function ensureSlug(platform: Platform, app: App, release: BuiltRelease): Promise<Slug> {
  const { code: commit = "", version } = release;
  const known = app.slugs.get(version);
  if (known !== undefined && (await exists(known.dir))) return known;
  const appDir = platform.home.app(app.name);
  const code = { commit, tree: await treeOf(app, commit) };
  const memory = await recallBuild(app, version);
  const found = await (memory === undefined ? findWithoutMemory(appDir, code.tree) : findSlug(appDir, memory.slug));
  if (found !== undefined) {
    app.slugs.set(version, found);
    return found;
  }
  const inputs = await buildInputs(app, await platform.isolation);
  const slug = await build({
    platform,
    app,
    code,
    inputs: { ...inputs, ...(memory && { buildpacks: memory.buildpacks }) },
    output: buildLog(app),
    signal: app.ending,
  });
  await rememberBuild(app, version, slug);
  return slug;
}

type BuiltRelease = Pick<Release, "version" | "code">;

async function findWithoutMemory(appDir: string, tree: string): Promise<Slug | undefined> {
  return (await findBuilt({ appDir, tree })) ?? (await findSlugOfTree(appDir, tree));
}

/** Where the output of a build goes that nobody watches. */
export function buildLog(app: App): (text: string) => void {
  return (text) => {
    for (const line of text.split("\n")) if (line.trim() !== "") app.log("build", line.trimEnd());
  };
}
