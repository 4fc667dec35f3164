/** Runs the buildpacks of a build in their order; the last one says how its app is run. */
import { sortProcfile, type Procfile } from "../core/procfile.ts";
import { BUILT_IN_BUILDPACKS } from "../core/buildpack.ts";
import type { Choice } from "./choose-packs.ts";
import type { BuildSite, Pack } from "./pack.ts";
import { notCompatible } from "./script-pack.ts";
import type { FirstDeploy, UsedBuildpack } from "./slug-store.ts";

export interface PacksOutcome {
  detected: string;
  types: Procfile;
  /** Anything was run. */
  hasRun: boolean;
  /** Of all buildpacks. */
  isLocked: boolean;
  /** Undefined where the platform's own choice says it all. */
  buildpacks: readonly UsedBuildpack[] | undefined;
  first: FirstDeploy | undefined;
}

/** @throws AppError invalid_params when one does not fit, or fails ("build failed") */
export async function runPacks(site: BuildSite, { packs, detected: known }: Choice): Promise<PacksOutcome> {
  let detected = "";
  let hasRun = false;
  for (const [index, pack] of packs.entries()) {
    detected = known ?? (await detect(site, pack));
    site.say(`-----> ${detected} app detected\n`);
    const hasThisRun = await pack.compile(site, { isLast: index === packs.length - 1 });
    hasRun ||= hasThisRun;
  }
  const locked = await Promise.all(packs.map((pack) => pack.isLocked(site)));
  const { types, configVars, addons } = (await packs.at(-1)?.release(site)) ?? NOTHING;
  const asks = Object.keys(configVars).length + addons.length > 0;
  return {
    detected,
    types: sortProcfile(types),
    hasRun,
    isLocked: locked.every(Boolean),
    buildpacks: known !== undefined && isBuiltIn(packs[0]) ? undefined : packs.map(describe),
    first: asks ? { configVars, addons } : undefined,
  };
}

const NOTHING = { types: new Map<string, string>(), configVars: {}, addons: [] };

async function detect(site: BuildSite, pack: Pack): Promise<string> {
  const name = await pack.detect(site);
  if (name === undefined) throw notCompatible(pack.source);
  return name;
}

function isBuiltIn(pack: Pack | undefined): boolean {
  return BUILT_IN_BUILDPACKS.some((name) => name === pack?.source);
}

function describe({ source, commit }: Pack): UsedBuildpack {
  return commit === undefined ? { source } : { source, commit };
}
