/** What `bin/release` of a buildpack prints: default process types, and what an app is given with its first deploy. */
import { isConfigName, isReservedName } from "../core/config-vars.ts";
import { AppError } from "../core/error.ts";
import { parseProcfile, sortProcfile, type Procfile } from "../core/procfile.ts";
import { buildFailed } from "./build-failed.ts";
import type { ReleaseFacts } from "./pack.ts";

/** @throws AppError invalid_params when it is no YAML, or says something of another form */
export async function parseReleaseYaml(text: string, source: string): Promise<ReleaseFacts> {
  const { parse } = await import("yaml");
  const fail = (why: string): AppError => buildFailed(`bin/release of ${source}: ${why}`);
  let value: unknown;
  try {
    // Every scalar as it is written: `web: 3000` is a command, `no` is a word.
    value = parse(text, { schema: "failsafe", maxAliasCount: 20, logLevel: "error" });
  } catch (error) {
    throw fail(`what it prints is no YAML: ${(error as Error).message.split("\n")[0] ?? ""}`);
  }
  const about = asMap(value, fail, "what it prints");
  return {
    types: typesOf(asTexts(about["default_process_types"], fail, "default_process_types"), fail),
    configVars: configOf(asTexts(about["config_vars"], fail, "config_vars"), fail),
    addons: addonsOf(about["addons"], fail),
  };
}

type Fail = (why: string) => AppError;

/** Nothing is an empty map; so is what a shell prints for one that has no entries. */
function asMap(value: unknown, fail: Fail, what: string): Record<string, unknown> {
  if (value === null || value === undefined || value === "" || value === "null") return {};
  if (typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
  throw fail(`${what} is no YAML of names and values.`);
}

function asTexts(value: unknown, fail: Fail, what: string): [string, string][] {
  return Object.entries(asMap(value, fail, what)).map(([name, text]) => {
    if (typeof text !== "string") throw fail(`${what} has something else than text for ${name}.`);
    return [name, text.trim()];
  });
}

function typesOf(entries: readonly [string, string][], fail: Fail): Procfile {
  const types = entries.flatMap(([name, command]) => {
    try {
      return [...parseProcfile(`${name}: ${command.replaceAll("\n", " ")}`)];
    } catch {
      throw fail(`${JSON.stringify(name.slice(0, 60))} in default_process_types is no process type with a command.`);
    }
  });
  return sortProcfile(types);
}

/** PATH is the platform's own, and a buildpack of that time set it here; `.profile.d` does so now. */
function configOf(entries: readonly [string, string][], fail: Fail): Record<string, string> {
  const wrong = entries.find(([name]) => !isConfigName(name));
  if (wrong !== undefined) throw fail(`${JSON.stringify(wrong[0].slice(0, 60))} in config_vars is no name.`);
  return Object.fromEntries(entries.filter(([name]) => !isReservedName(name)));
}

function addonsOf(value: unknown, fail: Fail): string[] {
  if (value === null || value === undefined || value === "" || value === "null") return [];
  if (Array.isArray(value) && value.every((one): one is string => typeof one === "string")) return value;
  throw fail("addons is no list of names.");
}
