/** Builds a Node.js app in place, as Heroku's buildpack does: heroku-prebuild, install, heroku-postbuild (or build),
 *  then development dependencies go. An app without dependencies and scripts never meets npm. The lockfile chooses the
 *  package manager, where the machine has it. */
import { createHash } from "node:crypto";
import type { NodeEngine } from "./node-engine.ts";
import type { SiteLayers } from "./layers.ts";
import { NodeModulesCache } from "./node-modules-cache.ts";
import { chooseManager, type PackageManager } from "./package-manager.ts";
import { isSelfContained, type PackageJson } from "./package-json.ts";

export interface NodeApp {
  manifest: PackageJson;
  /** Text of package-lock.json or npm-shrinkwrap.json. */
  lockfile: string | undefined;
  yarnLock: string | undefined;
  pnpmLock: string | undefined;
  hasBunLock: boolean;
  npmrc: string | undefined;
  /** node_modules is part of the commit. */
  isVendored: boolean;
}

export interface NodeBuild {
  app: NodeApp;
  engine: NodeEngine;
  /** Where the app's code is laid out. */
  dir: string;
  cacheDir: string;
  layers: SiteLayers | undefined;
  /** Which program the machine has of that name: another text for another version, empty for none. */
  identify(program: string): string;
  say(text: string): void;
  /** Runs a program in the app's directory, its output shown; throws when it fails. */
  run(command: string, ...args: string[]): Promise<void>;
  /** Takes the write permission from all files of a directory, and gives how large they are. */
  protect(dir: string): Promise<number>;
  /** Lets programs write to a directory that was made for them. */
  give(dir: string): Promise<void>;
}

/** What decides the result besides the tree; part of a slug's id. */
export const NODE_BUILDER_KEY = ["node/1", process.versions.modules, process.platform, process.arch, "production"].join(
  " ",
);

/** The same with another Node.js than the platform's own. */
export function nodeKey({ prefix, version }: NodeEngine): string {
  return prefix === undefined ? NODE_BUILDER_KEY : `${NODE_BUILDER_KEY} ${version}`;
}

/** Scripts of the app itself that run within an installation and may touch anything. */
const LIFECYCLE = ["preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare"];

/** True when anything was run, so that the directory holds more than the commit. */
export async function buildNode(build: NodeBuild): Promise<boolean> {
  const { manager, warning, plan } = decide(build);
  const { engine, app } = build;
  build.say(`       Node.js ${engine.version}\n`);
  for (const text of [engine.warning, warning]) if (text !== undefined) build.say(` !     ${text}\n`);
  await runScript(build, manager, plan.prebuild);
  const hasInstalled = plan.isInstalling && (await install(build, plan, manager));
  if (!plan.isInstalling && app.isVendored) build.say("       Using the node_modules of the commit as they are\n");
  await runScript(build, manager, plan.build);
  if (plan.isPruning) {
    build.say("-----> Pruning development dependencies\n");
    await build.run(...manager.prune);
  }
  return engine.prefix !== undefined || hasInstalled || (plan.prebuild ?? plan.build) !== undefined;
}

/** Whether `buildNode` will run nothing. The layer that it needs for that is in use then. */
export async function isPassiveNode(build: NodeBuild): Promise<boolean> {
  const { manager, plan } = decide(build);
  if (build.engine.prefix !== undefined) return false;
  if ((plan.prebuild ?? plan.build) !== undefined) return false;
  if (!plan.isInstalling) return true;
  return usesLayer(build, plan) && (await build.layers?.use(keyOf(build, plan, manager))) === true;
}

/** Whether another build of the same code installs the same. */
export function isLockedNode(build: NodeBuild): boolean {
  const { manager, plan } = decide(build);
  return !plan.isInstalling || manager.lockfile !== undefined;
}

function decide(build: NodeBuild): { manager: PackageManager; warning: string | undefined; plan: NodePlan } {
  const chosen = chooseManager(build.app, (program) => build.identify(program) !== "");
  return { ...chosen, plan: planNode(build.app, chosen.manager) };
}

interface NodePlan {
  prebuild: string | undefined;
  build: string | undefined;
  isInstalling: boolean;
  /** Scripts run in the installed tree, with development dependencies. */
  isScripted: boolean;
  isPruning: boolean;
  isCacheable: boolean;
}

function planNode(app: NodeApp, manager: PackageManager): NodePlan {
  const { manifest } = app;
  const scriptNamed = (...names: string[]): string | undefined => names.find((name) => manifest.scripts.has(name));
  const prebuild = scriptNamed("heroku-prebuild");
  // Heroku runs the second instead of the first when both are there.
  const build = scriptNamed("heroku-postbuild", "build");
  const hasLifecycle = scriptNamed(...LIFECYCLE) !== undefined;
  const isScripted = prebuild !== undefined || build !== undefined || hasLifecycle;
  const isNeeded = manifest.hasDependencies || hasLifecycle || (manifest.hasDevDependencies && isScripted);
  const isInstalling = isNeeded && !app.isVendored;
  return {
    prebuild,
    build,
    isInstalling,
    isScripted,
    isPruning: isInstalling && isScripted && manifest.hasDevDependencies,
    isCacheable: !hasLifecycle && isLocked(app, manager),
  };
}

/** The lockfile alone decides what is installed. */
function isLocked({ manifest }: NodeApp, { name, lockfile }: PackageManager): boolean {
  if (lockfile === undefined || manifest.hasWorkspaces) return false;
  return name === "npm" ? isSelfContained(lockfile) : !/(?:^|[\s"'@])(?:file|link|portal|workspace):/m.test(lockfile);
}

/** Nothing, when there is no such script. */
async function runScript(build: NodeBuild, manager: PackageManager, name: string | undefined): Promise<void> {
  if (name === undefined) return;
  build.say(`-----> Running ${name}\n`);
  await build.run(manager.name, "run", name);
}

/** True when anything was run. */
async function install(build: NodeBuild, plan: NodePlan, manager: PackageManager): Promise<boolean> {
  build.say("-----> Installing dependencies\n");
  const key = keyOf(build, plan, manager);
  const cache = plan.isCacheable ? new NodeModulesCache(build.cacheDir, key, build) : undefined;
  const isLayer = usesLayer(build, plan);
  const isThere = isLayer ? await build.layers?.use(key) : await cache?.restore(build.dir);
  if (isThere === true) {
    build.say("       Using the dependencies installed before: the lockfile is the same\n");
    return !isLayer;
  }
  if (manager.lockfile === undefined) {
    build.say("       No package-lock.json: versions may differ from build to build\n");
  }
  await build.run(...manager.install({ dev: plan.isScripted }));
  if (isLayer) await build.layers?.keep(key, "node_modules", (dir) => build.protect(dir));
  else await cache?.keep(build.dir);
  return true;
}

/** Scripts may change what they find; a layer is for many slugs. */
function usesLayer(build: NodeBuild, plan: NodePlan): boolean {
  return build.layers !== undefined && plan.isCacheable && !plan.isScripted;
}

/** Of all that decides what is installed. */
function keyOf(build: NodeBuild, plan: NodePlan, manager: PackageManager): string {
  const { app } = build;
  const words = manager.install({ dev: plan.isScripted }).join(" ");
  const facts = [nodeKey(build.engine), build.identify(manager.name), app.manifest.packageManager, words];
  const text = JSON.stringify([...facts, manager.lockfile ?? "", app.npmrc ?? ""]);
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
