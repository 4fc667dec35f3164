/** package-lock.json and npm-shrinkwrap.json, lockfileVersion 1 to 3
 *  (docs.npmjs.com/cli/v11/configuring-npm/package-lock-json). */
import type { Packages } from "./packages.ts";

const MODULES = "node_modules/";
/** Deeper than any real tree; a file of nothing but brackets must not exhaust the stack. */
const DEPTH_MAX = 200;

export function parsePackageLock(text: string): Packages {
  const lock: unknown = JSON.parse(text);
  if (!isRecord(lock)) throw new Error("it is no object");
  const found: [string, string][] = [];
  // Version 2 has both forms for older clients; `packages` says more.
  if (isRecord(lock["packages"])) readPackages(lock["packages"], found);
  else if (isRecord(lock["dependencies"])) readDependencies(lock["dependencies"], found, 0);
  return found;
}

/** By place: `node_modules/a/node_modules/b` is a package, `packages/own` a workspace, "" the project itself. */
function readPackages(packages: Record<string, unknown>, found: [string, string][]): void {
  for (const [place, entry] of Object.entries(packages)) {
    const at = place.lastIndexOf(MODULES);
    if (at < 0 || !isRecord(entry) || entry["link"] === true) continue;
    found.push([place.slice(at + MODULES.length), versionOf(entry)]);
  }
}

/** By name, each with the packages that are its own. */
function readDependencies(dependencies: Record<string, unknown>, found: [string, string][], depth: number): void {
  if (depth > DEPTH_MAX) throw new Error("it is nested too deeply");
  for (const [name, entry] of Object.entries(dependencies)) {
    if (!isRecord(entry)) continue;
    found.push([name, versionOf(entry)]);
    if (isRecord(entry["dependencies"])) readDependencies(entry["dependencies"], found, depth + 1);
  }
}

/** What comes from git or from a file may have no version but the place it came from. */
function versionOf({ version, resolved }: Record<string, unknown>): string {
  return [version, resolved].find((text) => typeof text === "string") ?? "";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
