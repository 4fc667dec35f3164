/** Which dependencies a change of a lock file added, changed and removed. Each format has a parser of its own. */
import { AppError } from "./error.ts";
import { parseGemfileLock } from "./lock-files/gemfile-lock.ts";
import { parseGoMod } from "./lock-files/go-mod.ts";
import { parsePackageLock } from "./lock-files/package-lock.ts";
import type { Packages } from "./lock-files/packages.ts";
import { parseRequirementsTxt } from "./lock-files/requirements-txt.ts";
import { parseYarnLock } from "./lock-files/yarn-lock.ts";
import { compareMaps, type EntryChange } from "./map-changes.ts";

const PARSERS: ReadonlyMap<string, (text: string) => Packages> = new Map([
  ["package-lock.json", parsePackageLock],
  ["npm-shrinkwrap.json", parsePackageLock],
  ["yarn.lock", parseYarnLock],
  ["Gemfile.lock", parseGemfileLock],
  ["requirements.txt", parseRequirementsTxt],
  ["go.mod", parseGoMod],
]);

export function isLockFile(path: string): boolean {
  return PARSERS.has(baseName(path));
}

/** Sorted by name; a package that is there in several versions tells all of them. An absent file is empty.
 *  @throws AppError invalid_params when a file is not what its name says. */
export function compareLockFiles(path: string, before: string, after: string): EntryChange[] {
  return compareMaps(versionsIn(path, before), versionsIn(path, after));
}

/** Name → all its versions. */
function versionsIn(path: string, text: string): Map<string, string> {
  const versions = new Map<string, Set<string>>();
  for (const [name, version] of parse(path, text)) {
    const known = versions.get(name);
    if (known === undefined) versions.set(name, new Set([version]));
    else known.add(version);
  }
  return new Map([...versions].map(([name, several]) => [name, [...several].sort().join(", ")]));
}

function parse(path: string, text: string): Packages {
  const parser = PARSERS.get(baseName(path));
  if (parser === undefined || text.trim() === "") return [];
  try {
    return parser(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    throw new AppError("invalid_params", `${path} cannot be read as a lock file.`, { cause: error });
  }
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
