/** What of an app is not a release: the files of refs/heroku/state, read into types (docs/formats.md, "State"). */
import { isJsonObject, type Json } from "./json.ts";
import { readDomains, type Domains } from "./domain.ts";
import { readLimits, type LimitsByType } from "./limits.ts";
import { WEB_TYPE } from "./procfile.ts";
import { readSettings } from "./read-settings.ts";
import type { Settings } from "./settings.ts";

/** File name without `.json` → its value. */
export type StateFiles = Readonly<Record<string, Json>>;

export interface AppState {
  /** Process type → quantity, as far as somebody scaled it. */
  quantities: Readonly<Record<string, number>>;
  maintenance: boolean;
  domains: Domains;
  settings: Settings;
  limits: LimitsByType;
  /** A command that is still to run after the first deploy. */
  postdeploy: string | undefined;
}

export function readAppState(files: StateFiles): AppState {
  const stored = files["settings"];
  return {
    quantities: numbers(files["formation"]),
    maintenance: isJsonObject(stored) && stored["maintenance"] === true,
    domains: readDomains(files["domains"]),
    settings: readSettings(stored),
    limits: readLimits(files["limits"]),
    postdeploy: readPostdeploy(files["postdeploy"]),
  };
}

/** Until somebody scales: one web process and none of the other types, as on Heroku. */
export function quantityOf(quantities: Readonly<Record<string, number>>, type: string): number {
  // A type may be called `constructor`; only what was written counts.
  const own = Object.hasOwn(quantities, type) ? quantities[type] : undefined;
  return own ?? (type === WEB_TYPE ? 1 : 0);
}

function readPostdeploy(value: Json | undefined): string | undefined {
  const command = isJsonObject(value) ? value["command"] : undefined;
  return typeof command === "string" ? command : undefined;
}

function numbers(value: Json | undefined): Record<string, number> {
  if (!isJsonObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, number] => typeof entry[1] === "number"),
  );
}
