/** Which buildpacks a build uses: those that are asked for, those that the code's `.buildpacks` names, or the first of the
 *  platform's that fits. */
import { createHash } from "node:crypto";
import { BUILDPACKS_FILE, BUILT_IN_BUILDPACKS, parseBuildpack, parseBuildpacksFile } from "../core/buildpack.ts";
import { builtInPack, mayFit } from "./builtin-packs.ts";
import { nothingFits } from "./detect.ts";
import { fetchBuildpack, layOutBuildpack, type ChosenBuildpack } from "./fetch-buildpack.ts";
import type { FetchContext } from "./fetch-repository.ts";
import type { BuildSite, Pack } from "./pack.ts";
import { ScriptPack } from "./script-pack.ts";

/** Config vars as a build sees them: only a buildpack from elsewhere does, through its ENV_DIR. */
export interface BuildConfig {
  /** The same for the same vars, and tells nothing of them. */
  key: string;
  read: () => Promise<Readonly<Record<string, string>>>;
}

export interface PackRequest {
  wanted: readonly ChosenBuildpack[];
  config: BuildConfig;
  fetch: FetchContext;
}

export interface Choice {
  packs: readonly Pack[];
  /** What the only one has called the app, where it was asked already. */
  detected: string | undefined;
}

/** @throws AppError invalid_params when one cannot be fetched, or nothing fits */
export async function choosePacks(site: BuildSite, request: PackRequest): Promise<Choice> {
  const wanted = request.wanted.length > 0 ? request.wanted : await namedByCode(site);
  if (wanted.length === 0) return detectPack(site);
  site.say(describe(wanted));
  const packs: Pack[] = [];
  for (const one of wanted) packs.push(await obtain(site, one, request));
  return { packs, detected: undefined };
}

async function namedByCode({ root }: BuildSite): Promise<ChosenBuildpack[]> {
  const text = await root.read(BUILDPACKS_FILE);
  return text === undefined ? [] : parseBuildpacksFile(text).map((source) => ({ source }));
}

async function detectPack(site: BuildSite): Promise<Choice> {
  for (const name of BUILT_IN_BUILDPACKS) {
    if (!mayFit(name, site)) continue;
    const pack = builtInPack(name);
    const detected = await pack.detect(site);
    if (detected !== undefined) return { packs: [pack], detected };
  }
  throw nothingFits(site.root);
}

function describe(wanted: readonly ChosenBuildpack[]): string {
  if (wanted.length === 1) return `-----> Using buildpack: ${wanted[0]?.source ?? ""}\n`;
  const lines = wanted.map(({ source }, index) => `       ${String(index + 1)}. ${source}\n`);
  return `-----> Using buildpacks:\n${lines.join("")}`;
}

async function obtain(site: BuildSite, wanted: ChosenBuildpack, { config, fetch }: PackRequest): Promise<Pack> {
  const { source } = wanted;
  const from = parseBuildpack(source);
  if (from.kind === "built-in") return builtInPack(from.name);
  const commit = await fetchBuildpack(fetch, wanted);
  if (wanted.commit !== undefined && wanted.commit !== commit) {
    site.say(` !     ${source} is ${commit.slice(0, 7)} now; the build before used ${wanted.commit.slice(0, 7)}.\n`);
  }
  site.say(`       ${source} is ${commit.slice(0, 7)}\n`);
  return new ScriptPack({
    source,
    commit,
    layOut: (dir) => layOutBuildpack(fetch, commit, dir),
    key: () => Promise.resolve(JSON.stringify([source, commit, process.platform, process.arch, config.key])),
    config: config.read,
  });
}

/** Whether the build that was chosen runs nothing. */
export async function isPassive(site: BuildSite, { packs }: Choice): Promise<boolean> {
  const [pack] = packs;
  return packs.length === 1 && (await pack?.isPassive?.(site)) === true;
}

/** The slug of these buildpacks and this tree. */
export async function packsSlugId(site: BuildSite, tree: string, packs: readonly Pack[]): Promise<string> {
  const keys = await Promise.all(packs.map((pack) => pack.key(site)));
  return slugId(tree, keys.length === 1 ? (keys[0] ?? "") : JSON.stringify(keys));
}

export function slugId(tree: string, builderKey: string): string {
  return `${tree}-${createHash("sha256").update(builderKey).digest("hex").slice(0, 12)}`;
}
