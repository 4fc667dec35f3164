/** Slugs for releases: built by a push, found again by every later launch, rebuilt only when the disk lost one. */
import type { Release } from "../core/release.ts";
import { buildSlug } from "../build/build-slug.ts";
import type { Slug } from "../build/slug-store.ts";
import type { App } from "./app.ts";
import { exists } from "./home.ts";
import type { Platform } from "./platform.ts";

/** @throws AppError invalid_params with the reason when the code cannot be built; its tool's output was shown. */
export async function buildRelease(
  platform: Platform,
  app: App,
  commit: string,
  output: (text: string) => void,
): Promise<Slug> {
  const tree = (await app.ledger.resolveCommit(commit))?.tree;
  if (tree === undefined) throw new Error(`${commit} is not in the repository of ${app.name}`);
  const { buildTimeoutMs: timeLimitMs, slugBytesMax: sizeBytesMax } = (await app.state()).settings;
  const slug = await buildSlug({
    repo: platform.home.repo(app.name),
    commit,
    tree,
    appDir: platform.home.app(app.name),
    output,
    signal: app.ending,
    clock: platform.clock,
    toolEnv: platform.toolEnv,
    settings: { timeLimitMs, sizeBytesMax },
  });
  app.slugs.set(commit, slug);
  return slug;
}

/** The slug of a release's code, at once when it is there. A rebuild (a restored backup, a deleted directory) tells
 *  its output to the app's log. */
export async function ensureSlug(platform: Platform, app: App, release: Pick<Release, "code">): Promise<Slug> {
  const code = release.code ?? "";
  const known = app.slugs.get(code);
  if (known !== undefined && (await exists(known.dir))) return known;
  return buildRelease(platform, app, code, buildLog(app));
}

/** Where the output of a build goes that nobody watches. */
export function buildLog(app: App): (text: string) => void {
  return (text) => {
    for (const line of text.split("\n")) if (line.trim() !== "") app.log("build", line.trimEnd());
  };
}
