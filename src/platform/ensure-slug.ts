/** Slugs for releases: built by a push, found again by every later launch, rebuilt only when the disk lost one. */
import { AppError } from "../core/error.ts";
import { formatVersion, type Release } from "../core/release.ts";
import { buildSlug } from "../build/build-slug.ts";
import { findBuilt } from "../build/find-built.ts";
import { findSlug, findSlugOfTree, type Slug } from "../build/slug-store.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { recallBuild, rememberBuild } from "./build-memory.ts";
import { buildInputs, type BuildInputs } from "./buildpacks.ts";
import type { Build } from "./builds.ts";
import { firstSignal } from "./first-signal.ts";
import { checkPass, watchPass } from "./pass.ts";
import type { Platform } from "./platform.ts";
import { isWhole } from "./slug-health.ts";

/** One build, in a record of its own. Its output is shown, kept, and told to the app's log.
 *  @throws AppError as `buildRelease`; BuildCancelled; NoLongerAllowed. */
export async function recordBuild(
  platform: Platform,
  app: App,
  { commit, actor, begin = "", build: begun }: BuildOrder,
  finish: (slug: Slug, show: Show) => void | Promise<void> = () => undefined,
): Promise<RecordedBuild> {
  const build = begun ?? app.builds.begin(commit, actor, platform.clock.now());
  const log = buildLog(app);
  const keep: Show = (text) => {
    build.output.write(text);
    log(text);
  };
  const show: Show = (text) => {
    keep(text);
    actor.output?.(text);
  };
  const { signal, release } = firstSignal(app.ending, build.signal);
  const unwatch = watchPass(actor, () => build.cancel(`ended: ${actor.by.email} may no longer deploy`));
  try {
    await checkPass(actor);
    show(begin);
    const slug = await buildRelease(platform, app, commit, { output: show, signal, onBegun: () => build.begun() });
    await finish(slug, show);
    build.succeeded(platform.clock.now(), slug);
    return { build, slug };
  } catch (error) {
    const { cancelled } = build;
    const reason = error instanceof AppError ? reasonOf(error) : "a fault of the platform";
    keep(`\n !     ${cancelled ?? reason}\n`);
    build.failed(platform.clock.now(), reason);
    if (cancelled === undefined || app.isEnding) throw error;
    await checkPass(actor);
    throw new BuildCancelled(cancelled, error);
  } finally {
    release();
    unwatch();
  }
}

export interface BuildOrder {
  commit: string;
  actor: Actor;
  /** The first words of its output. */
  begin?: string;
  /** One that was begun already. */
  build?: Build | undefined;
}

/** Tells the app's log that a deploy is built, by whom and how it ended. */
export async function logBuild<T>(app: App, commit: string, { by }: Actor, work: () => Promise<T>): Promise<T> {
  const name = commit.slice(0, 7);
  app.log("build", `Build of ${name} started by ${by.email}`);
  try {
    const built = await work();
    app.log("build", `Build of ${name} succeeded`);
    return built;
  } catch (error) {
    app.log("build", `Build of ${name} failed`);
    throw error;
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
  { output, signal = app.ending, onBegun }: { output: Show; signal?: AbortSignal; onBegun?: () => void },
): Promise<Slug> {
  const code = { commit, tree: await treeOf(app, commit) };
  const inputs = await buildInputs(platform, app);
  return build({ platform, app, code, inputs, output, signal, ...(onBegun && { onBegun }) });
}

interface CodeToBuild {
  platform: Platform;
  app: App;
  code: { commit: string; tree: string };
  inputs: BuildInputs;
  output: Show;
  signal: AbortSignal;
  /** Called when something has to be built. */
  onBegun?: () => void;
}

async function build({ platform, app, code, inputs, output, signal, onBegun }: CodeToBuild): Promise<Slug> {
  const slug = await buildSlug({
    repo: platform.home.repo(app.name),
    ...code,
    ...inputs,
    appDir: platform.home.app(app.name),
    output,
    signal,
    slot: () => {
      onBegun?.();
      return platform.buildSlots.take(`${code.commit.slice(0, 7)} of ${app.name}`, signal, output);
    },
    clock: platform.clock,
    toolEnv: platform.toolEnv,
  });
  if (!slug.reused) platform.upkeep.built(app);
  return slug;
}

async function treeOf(app: App, commit: string): Promise<string> {
  const tree = (await app.ledger.resolveCommit(commit))?.tree;
  if (tree === undefined) throw new Error(`${commit} is not in the repository of ${app.name}`);
  return tree;
}

/** The slug of a release, at once when it is there and whole, whatever the app would be built with now. A rebuild (an evicted
 *  or damaged slug, a restored backup) uses the same buildpacks where they are known, and tells its output to the
 *  app's log.
 *  @param say tells whoever waits for it that there is something to wait for */
export async function ensureSlug(
  platform: Platform,
  app: App,
  release: BuiltRelease,
  say: Show = () => undefined,
): Promise<Slug> {
  const { code: commit = "", version } = release;
  const found = app.slugs.get(version) ?? (await findSlugOf(platform, app, release));
  if (found !== undefined && (await isWhole(platform, app, found))) {
    app.slugs.set(version, found);
    app.slugsAsked.set(found.id, platform.clock.now());
    app.slugsToCount.add(found.id);
    platform.upkeep.launched(app);
    return found;
  }
  const memory = await recallBuild(app, version);
  say(`-----> The slug of ${formatVersion(version)} is not there any more: building it again\n`);
  const log = buildLog(app);
  log(`Building the slug of ${formatVersion(version)} again`);
  const inputs = await buildInputs(platform, app);
  const slug = await build({
    platform,
    app,
    code: { commit, tree: await treeOf(app, commit) },
    inputs: { ...inputs, ...(memory && { buildpacks: memory.buildpacks }) },
    output: (text) => {
      log(text);
      say(text);
    },
    signal: app.ending,
  });
  await rememberBuild(app, version, slug);
  app.slugsAsked.set(slug.id, platform.clock.now());
  return slug;
}

async function findSlugOf(platform: Platform, app: App, release: BuiltRelease): Promise<Slug | undefined> {
  const { code: commit = "", version } = release;
  const appDir = platform.home.app(app.name);
  const memory = await recallBuild(app, version);
  if (memory !== undefined) return findSlug(appDir, memory.slug);
  return findWithoutMemory(appDir, await treeOf(app, commit));
}

type BuiltRelease = Pick<Release, "version" | "code">;

async function findWithoutMemory(appDir: string, tree: string): Promise<Slug | undefined> {
  return (await findBuilt({ appDir, tree })) ?? (await findSlugOfTree(appDir, tree));
}

/** Whole lines that a build printed, as the app's log has them. */
function buildLog(app: App): Show {
  return (text) => {
    for (const line of text.split("\n")) if (line.trim() !== "") app.log("build", line.trimEnd());
  };
}
