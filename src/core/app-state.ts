/** What of an app is not a release: the files of refs/heroku/state, read into types (docs/formats.md, "State"). */
import type { Json } from "./json.ts";
import { readLimits, type LimitsByType } from "./limits.ts";
import { readSettings, type Settings } from "./settings.ts";

/** File name without `.json` → its value. */
export type StateFiles = Readonly<Record<string, Json>>;

export interface AppState {
  /** Process type → quantity, as far as somebody scaled it. */
  quantities: Readonly<Record<string, number>>;
  maintenance: boolean;
  settings: Settings;
  limits: LimitsByType;
}

export function readAppState(files: StateFiles): AppState {
  const stored = files["settings"];
  return {
    quantities: numbers(files["formation"]),
    maintenance: isObject(stored) && stored["maintenance"] === true,
    settings: readSettings(stored),
    limits: readLimits(files["limits"]),
  };
}

/** Until somebody scales: one web process and none of the other types, as on Heroku. */
export function quantityOf(quantities: Readonly<Record<string, number>>, type: string): number {
  // A type may be called `constructor`; only what was written counts.
  const own = Object.hasOwn(quantities, type) ? quantities[type] : undefined;
  return own ?? (type === "web" ? 1 : 0);
}

function numbers(value: Json | undefined): Record<string, number> {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, number] => typeof entry[1] === "number"),
  );
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
