/** slugs: what the slug store holds and what for; and its upkeep, which lets go what can be had again. */
import { dirname, join } from "node:path";
import { formatBytes } from "../core/byte-size.ts";
import { goodbyes, isRecent, spareSlugs, type SlugUse } from "../core/slug-retention.ts";
import type { GitContext } from "../build/git.ts";
import { layersOf } from "../build/layers.ts";
import { findDamage } from "../build/slug-check.ts";
import { clearAway, diskUse, listSlugs, setAside, type ShelfSlug } from "../build/slug-shelf.ts";
import { toolPath } from "../build/tool-env.ts";
import type { App } from "./app.ts";
import type { Platform } from "./platform.ts";
import { SlugUses } from "./slug-uses.ts";

export interface SlugInfo extends ShelfSlug {
  /** Newest first. */
  releases: readonly number[];
  isRunning: boolean;
  /** Bytes on the disk that no older slug has as well. */
  ownBytes: number;
  /** Undefined when it was not asked for. */
  isIntact: boolean | undefined;
}

/** Newest first.
 *  @param verify read every file, which may take seconds */
export async function describeSlugs(
  platform: Platform,
  app: App,
  { verify }: { verify: boolean },
): Promise<SlugInfo[]> {
  const slugs = await listSlugs(app.dir);
  const [versions, running, own] = await Promise.all([
    versionsOf(await SlugUses.of(app, slugs)),
    runningVersions(platform, app),
    ownBytes(platform, app, slugs),
  ]);
  const described: SlugInfo[] = [];
  for (const [index, slug] of slugs.entries()) {
    const releases = versions.get(slug.id) ?? [];
    const isIntact = verify ? (await findDamage(gitOf(platform, app), slug)) === undefined : undefined;
    const isRunning = releases.some((version) => running.has(version));
    described.push({ ...slug, releases, isRunning, ownBytes: own[index] ?? 0, isIntact });
  }
  return described.toReversed();
}

/** By slug, newest first. */
async function versionsOf(known: SlugUses): Promise<Map<string, number[]>> {
  const versions = new Map<string, number[]>();
  for await (const { slugs, version } of known.newestFirst()) {
    for (const id of slugs) {
      const found = versions.get(id);
      if (found === undefined) versions.set(id, [version]);
      else found.push(version);
    }
  }
  return versions;
}

/** A layer counts for the oldest slug that has it. */
async function ownBytes(platform: Platform, app: App, slugs: readonly ShelfSlug[]): Promise<number[]> {
  const paths: string[][] = [];
  for (const { dir } of slugs) {
    const layers = await layersOf(dirname(dir)).catch(() => []);
    paths.push([dirname(dir), ...layers.map((layer) => dirname(layer.dir))]);
  }
  const asked = [...new Set(paths.flat())];
  const sizes = await diskUse(gitOf(platform, app), asked);
  const left = new Map(asked.map((path, index) => [path, sizes[index] ?? 0]));
  return paths.map((own) => own.reduce((sum, path) => sum + take(left, path), 0));
}

function take(left: Map<string, number>, path: string): number {
  const bytes = left.get(path) ?? 0;
  left.delete(path);
  return bytes;
}

/** Bytes on the disk. */
export interface DiskUse {
  repository: number;
  slugs: number;
  cache: number;
  logs: number;
  /** Directories of processes. */
  run: number;
}

export async function diskUseOf(platform: Platform, app: App): Promise<DiskUse> {
  const names = ["slugs", "layers", "cache", "logs", "run"].map((name) => join(app.dir, name));
  const paths = [platform.home.repo(app.name), ...names];
  const [repository = 0, slugs = 0, layers = 0, cache = 0, logs = 0, run = 0] = await diskUse(
    gitOf(platform, app),
    paths,
  );
  return { repository, slugs: slugs + layers, cache, logs, run };
}

/** Lets go what nothing needs: at once or not at all, and told in the log. Does nothing while the app is being changed. */
export async function evictSlugs(platform: Platform, app: App): Promise<void> {
  const now = platform.clock.now();
  const slugs = await listSlugs(app.dir);
  const { slugReleases: releases, slugAgeMsMax: ageMsMax } = (await app.state()).settings;
  const known = await SlugUses.of(app, slugs);
  const recent = await recentUses(known, slugs, (place, createdAt) =>
    isRecent(place, createdAt, now, { releases, ageMsMax }),
  );
  const current = await app.ledger.current();
  if (current !== undefined) recent.push(await known.of(current));
  const running = await runningUses(platform, app, known);
  const ages = slugs.map(({ id, locked, builtAt }) => ({
    id,
    locked: locked === true,
    usedAt: Math.max(builtAt, app.slugsAsked.get(id) ?? 0),
  }));
  const spare = spareSlugs(ages, { recent, running, now });
  const open = spare.filter(({ locked }) => !locked);
  const named = goodbyes(spare, await recentUses(known, open, () => true));
  // Whatever was asked for since is wanted; from here on nothing else happens until it is done.
  if (app.pushes.length > 0 || app.releases.length > 0 || app.isEnding) return;
  const gone = setAside(
    app.dir,
    named.filter((id) => (app.slugsAsked.get(id) ?? 0) < now),
  );
  for (const { id, sizeBytes } of slugs.filter((slug) => gone.includes(slug.id))) {
    app.log("build", `Evicted slug ${id.slice(0, 8)} (${formatBytes(sizeBytes)}): no release needs it now`);
  }
  await clearAway(app.dir, new Set(running.flatMap((use) => use.slugs)));
}

/** Uses of these slugs by the newest releases; looks no further than until each has one. */
async function recentUses(
  known: SlugUses,
  slugs: readonly { id: string }[],
  isWanted: (place: number, createdAt: number) => boolean,
): Promise<SlugUse[]> {
  const left = new Set(slugs.map(({ id }) => id));
  const uses: SlugUse[] = [];
  if (left.size === 0) return uses;
  let place = 0;
  for await (const use of known.newestFirst()) {
    if (!isWanted(place, use.createdAt)) break;
    place += 1;
    const before = left.size;
    for (const id of use.slugs) left.delete(id);
    if (left.size < before) uses.push(use);
    if (left.size === 0) break;
  }
  return uses;
}

/** Also of processes that stop, and of one-off ones. */
async function runningVersions(platform: Platform, app: App): Promise<Set<number>> {
  const instances = await platform.runtime.list(app.name);
  return new Set(instances.filter(({ phase }) => phase !== "exited").map(({ release }) => release));
}

async function runningUses(platform: Platform, app: App, known: SlugUses): Promise<SlugUse[]> {
  const newest = (await app.ledger.head())?.version ?? 0;
  const versions = [...(await runningVersions(platform, app))].filter((version) => version <= newest);
  return Promise.all(versions.map(async (version) => known.of(await app.ledger.get(version))));
}

export function gitOf({ home, toolEnv }: Platform, app: App): GitContext {
  return { repo: home.repo(app.name), path: toolPath(toolEnv), signal: app.ending };
}
