/** The buildpacks that come with the platform. Two are part of this program, because an app that needs nothing built must
 *  cost nothing to build; the others are scripts of the same API as everybody's, in `buildpacks/`. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BuiltInName } from "../core/buildpack.ts";
import { NodePack } from "./node-pack.ts";
import type { BuildSite, Pack } from "./pack.ts";
import { ScriptPack } from "./script-pack.ts";
import { identifyTool, toolPath } from "./tool-env.ts";

interface Scripts {
  /** A file at the root that names what is fetched, each by its contents; or nothing is fetched. */
  lock: string | undefined;
  /** A file at the root of which one must be there before `bin/detect` is asked. */
  asks: RegExp;
  /** Programs whose version decides the result. */
  tools: readonly string[];
}

const SCRIPTS: Readonly<Record<Exclude<BuiltInName, "nodejs" | "procfile">, Scripts>> = {
  ruby: { asks: /^Gemfile$/, tools: ["ruby", "bundle"], lock: "Gemfile.lock" },
  python: { asks: /^(?:requirements\.txt|uv\.lock)$/, tools: ["python3", "uv"], lock: "uv.lock" },
  go: { asks: /^go\.mod$/, tools: ["go"], lock: "go.mod" },
  static: { asks: /^(?:static\.json|index\.html|public|dist|_site)$/, tools: [], lock: undefined },
};

export function builtInPack(name: BuiltInName): Pack {
  if (name === "nodejs") return new NodePack();
  if (name === "procfile") return PROCFILE;
  const dir = join(packageDirectory(), "buildpacks", name);
  return new ScriptPack({
    source: name,
    layOut: (to) => cp(dir, to, { recursive: true }),
    key: (site) => Promise.resolve(scriptsKey(name, dir, site)),
    config: () => Promise.resolve({}),
    isLocked: (site) => isLockedBy(SCRIPTS[name], site),
  });
}

/** Every program that reads the lock file is there, too. */
function isLockedBy({ lock, tools }: Scripts, { root, toolEnv }: BuildSite): boolean {
  const path = toolPath(toolEnv).split(":");
  return lock === undefined || (root.has(lock) && tools.every((tool) => identifyTool(tool, path) !== ""));
}

/** Whether it is worth asking: a quick look that never says no where `bin/detect` says yes. */
export function mayFit(name: BuiltInName, { root, declared }: BuildSite): boolean {
  if (name === "nodejs") return root.has("package.json");
  if (name === "procfile") return declared !== undefined;
  const { asks } = SCRIPTS[name];
  return root.topNames.some((one) => asks.test(one));
}

export const PROCFILE_KEY = "procfile/1";

/** An app that brings everything along. */
const PROCFILE: Pack = {
  source: "procfile",
  key: () => Promise.resolve(PROCFILE_KEY),
  detect: ({ declared }) => Promise.resolve(declared === undefined ? undefined : "Procfile"),
  isPassive: () => Promise.resolve(true),
  isLocked: () => Promise.resolve(true),
  compile: () => Promise.resolve(false),
  release: () => Promise.resolve({ types: new Map(), configVars: {}, addons: [] }),
};

/** The scripts themselves and the programs that they use: another python3 makes another slug. */
function scriptsKey(name: keyof typeof SCRIPTS, dir: string, { toolEnv }: BuildSite): string {
  const path = toolPath(toolEnv).split(":");
  const tools = SCRIPTS[name].tools.map((tool) => identifyTool(tool, path));
  return JSON.stringify([name, process.platform, process.arch, contentsOf(dir), tools]);
}

export function contentsOf(dir: string): string {
  const hash = createHash("sha256");
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true }).sort(byPath)) {
    if (entry.isFile()) hash.update(`${entry.name}\0`).update(readFileSync(join(entry.parentPath, entry.name)));
  }
  return hash.digest("hex");
}

function byPath(a: { parentPath: string; name: string }, b: { parentPath: string; name: string }): number {
  return join(a.parentPath, a.name) < join(b.parentPath, b.name) ? -1 : 1;
}

/** The one above that has package.json: this module runs bundled and unbundled. */
function packageDirectory(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  while (dir !== dirname(dir) && !existsSync(join(dir, "buildpacks", "static"))) dir = dirname(dir);
  return dir;
}
