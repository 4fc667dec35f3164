/** `addons.json` of a release: the add-ons that are attached, by name (docs/formats.md, "addons.json"). */
import { formatJson, isJsonObject, type Json } from "./json.ts";

/** Name → what is said of it, as comparable text. A text that is no object says nothing. */
export function parseAddons(text: string): ReadonlyMap<string, string> {
  const addons = JSON.parse(text === "" ? "{}" : text) as Json;
  if (!isJsonObject(addons)) return new Map();
  return new Map(Object.entries(addons).map(([name, value]) => [name, formatJson(value)]));
}
