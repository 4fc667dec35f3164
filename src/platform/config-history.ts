/** config:blame and config:history: which release gave a variable its value. A release that failed gave none; one that
 *  only encrypted with a new key changed none; a rollback that brought another value back did. */
import { AppError } from "../core/error.ts";
import { nearNames } from "../core/near-names.ts";
import type { Release } from "../core/release.ts";
import { configNames, isSameValue } from "../ledger/config-lines.ts";
import type { LineChange } from "../ledger/config-steps.ts";
import type { App } from "./app.ts";

export interface ConfigBlame {
  name: string;
  /** What gave it its present value. */
  release: Release;
}

export type ConfigEvent = "set" | "changed" | "removed";

export interface ConfigHistoryEntry {
  event: ConfigEvent;
  release: Release;
  /** The value from then on, where it was asked for. */
  value: string | undefined;
}

/** The variables of the current release, sorted by name. Looks back no further than to the oldest of their values. */
export async function blameConfig(app: App): Promise<ConfigBlame[]> {
  const current = await app.ledger.current();
  if (current === undefined) return [];
  const open = new Set(configNames((await app.ledger.snapshot(current)).configEnv));
  const found: ConfigBlame[] = [];
  if (open.size === 0) return found;
  for await (const { release, changes } of app.ledger.history.configSteps(current)) {
    for (const [name, change] of changes) {
      if (open.has(name) && (await eventOf(app, change)) !== undefined) {
        open.delete(name);
        found.push({ name, release });
      }
    }
    if (open.size === 0) return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }
  throw new Error(`No release of ${app.name} set ${[...open].join(", ")}.`);
}

/** Newest first.
 *  @throws AppError not_found for a name that no release ever had, with those that are near. */
export async function configHistory(app: App, name: string, withValues: boolean): Promise<ConfigHistoryEntry[]> {
  const current = await app.ledger.current();
  const entries: ConfigHistoryEntry[] = [];
  const names = new Set<string>();
  if (current === undefined) return entries;
  for await (const { release, changes } of app.ledger.history.configSteps(current)) {
    for (const known of changes.keys()) names.add(known);
    const change = changes.get(name);
    const event = change && (await eventOf(app, change));
    if (change === undefined || event === undefined) continue;
    entries.push({ event, release, value: withValues ? await valueOf(app, name, change.after) : undefined });
  }
  if (entries.length > 0) return entries;
  const near = nearNames(name, [...names]);
  throw new AppError("not_found", `${app.name} never had a config var ${JSON.stringify(name.slice(0, 60))}.`, {
    hint: near.length === 0 ? "`git heroku config` lists those it has." : `Perhaps you meant ${near.join(" or ")}.`,
  });
}

/** Undefined when the variable has the same value on both sides. */
async function eventOf(app: App, { before, after }: LineChange): Promise<ConfigEvent | undefined> {
  if (before === after) return undefined;
  if (before === undefined) return "set";
  if (after === undefined) return "removed";
  return (await isSameValue(app.cipher, before, after)) ? undefined : "changed";
}

async function valueOf(app: App, name: string, line: string | undefined): Promise<string | undefined> {
  return line === undefined ? undefined : (await app.cipher.read(line))[name];
}
