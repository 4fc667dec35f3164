/** The parts of a package.json and its lockfile that decide how a Node.js app is built. */
import { AppError } from "../core/error.ts";

export interface PackageJson {
  hasDependencies: boolean;
  hasDevDependencies: boolean;
  hasWorkspaces: boolean;
  /** Which version of which manager, for those who have several; empty when not said. */
  packageManager: string;
  /** `engines.node`, if it says something. */
  nodeRange: string | undefined;
  scripts: ReadonlyMap<string, string>;
}

/** @throws AppError invalid_params when the text is no JSON object. */
export function parsePackageJson(text: string): PackageJson {
  const json = asObject(parseJson(text));
  if (json === undefined) {
    throw new AppError("invalid_params", "package.json is not a JSON object.", {
      hint: "Check it with `node -p 'require(\"./package.json\")'`, commit and push again.",
    });
  }
  const has = (key: string): boolean => Object.keys(asObject(json[key]) ?? {}).length > 0;
  const scripts = Object.entries(asObject(json["scripts"]) ?? {}).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  return {
    hasDependencies: has("dependencies") || has("optionalDependencies") || json["workspaces"] !== undefined,
    hasDevDependencies: has("devDependencies"),
    hasWorkspaces: json["workspaces"] !== undefined,
    packageManager: typeof json["packageManager"] === "string" ? json["packageManager"] : "",
    nodeRange: textOf(asObject(json["engines"])?.["node"]),
    scripts: new Map(scripts),
  };
}

/** Whether the lockfile alone says what will be installed: nothing comes from the app's own directory. */
export function isSelfContained(lockfile: string): boolean {
  const json = asObject(parseJson(lockfile));
  const packages = asObject(json?.["packages"]);
  if (packages === undefined) return false;
  return Object.values(packages).every((value) => {
    const entry = asObject(value);
    const resolved = entry?.["resolved"];
    return entry?.["link"] !== true && !(typeof resolved === "string" && resolved.startsWith("file:"));
  });
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    return undefined;
  }
}

function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}
