/** The parts of a release that merge name by name: config vars, by what they mean and not by how they are encrypted, and
 *  add-ons. Names may be told, values never. */
import { AppError } from "../core/error.ts";
import { parseAddons } from "../core/addons-json.ts";
import { changeConfig } from "../core/config-vars.ts";
import { formatJson, type Json } from "../core/json.ts";
import { formatVersion, type Release } from "../core/release.ts";
import { compareNames, mergeByName, type NameChanges, type Named } from "../core/three-way.ts";
import type { App } from "./app.ts";
import type { Reverted } from "./find-reverted.ts";

export interface NamedParts {
  configEnv: string;
  addonsJson: string;
  changes: { config: NameChanges; addons: NameChanges };
  /** `config var FOO`, `add-on redis` */
  conflicts: string[];
}

/** Does to the current release what leads from the reverted one back to where that started.
 *  @throws AppError invalid_params when that would be more config than an app may have */
export async function mergeNamed(app: App, { release, before }: Reverted, current: Release): Promise<NamedParts> {
  const [base, theirs, ours] = await Promise.all([release, before, current].map((one) => readNamed(app, one)));
  if (base === undefined || theirs === undefined || ours === undefined) throw new Error("a side is missing");
  const config = mergeByName(base.config, ours.config, theirs.config);
  const addons = mergeByName(base.addons, ours.addons, theirs.addons);
  const { configEnv, addonsJson } = ours;
  // What comes back must fit beside what was added since.
  changeConfig(
    Object.fromEntries(ours.config),
    Object.fromEntries(config.changed.map((name) => [name, config.merged.get(name) ?? null])),
  );
  return {
    configEnv:
      config.changed.length === 0 ? configEnv : await app.cipher.adopt(configEnv, theirs.configEnv, config.changed),
    addonsJson: addons.changed.length === 0 ? addonsJson : formatAddons(addons.merged),
    changes: { config: compareNames(ours.config, config.merged), addons: compareNames(ours.addons, addons.merged) },
    conflicts: [
      ...config.conflicts.map((name) => `config var ${name}`),
      ...addons.conflicts.map((name) => `add-on ${name}`),
    ],
  };
}

interface NamedSide {
  config: Named;
  addons: Named;
  configEnv: string;
  addonsJson: string;
}

async function readNamed(app: App, release: Release): Promise<NamedSide> {
  const { configEnv, addonsJson } = await app.ledger.snapshot(release);
  return {
    config: new Map(Object.entries(await app.cipher.read(configEnv))),
    addons: parseAddons(addonsJson),
    configEnv,
    addonsJson,
  };
}

function formatAddons(addons: Named): string {
  return formatJson(Object.fromEntries([...addons].map(([name, text]) => [name, JSON.parse(text) as Json])));
}

const LISTED_MAX = 20;

/** @throws AppError conflict that lists what collides. */
export function refuseConflicts({ release, before }: Reverted, conflicts: readonly string[]): void {
  if (conflicts.length === 0) return;
  const name = formatVersion(release.version);
  const listed = conflicts.slice(0, LISTED_MAX).map((what) => `  ${what}`);
  if (conflicts.length > LISTED_MAX) listed.push(`  … ${String(conflicts.length - LISTED_MAX)} more`);
  const heading = `Cannot revert ${name}: what it changed was changed again since.`;
  throw new AppError("conflict", [heading, ...listed].join("\n"), {
    hint: `Change it by hand, or return to how all of it was with \`git heroku rollback ${formatVersion(before.version)}\`.`,
  });
}
