/** Builds a Node.js app in place, as Heroku's buildpack does: heroku-prebuild, install, heroku-postbuild (or build),
 *  then development dependencies go. An app without dependencies and scripts never meets npm. The lockfile chooses the
 *  package manager, where the machine has it. */
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
  /** Where the app's code is laid out. */
  dir: string;
  cacheDir: string;
  /** Whether the machine has a program. */
  has(program: string): boolean;
  say(text: string): void;
  /** Runs a program in the app's directory, its output shown; throws when it fails. */
  run(command: string, ...args: string[]): Promise<void>;
  /** Runs a program and gives what it says on standard output. */
  ask(command: string, ...args: string[]): Promise<string>;
}

/** What decides the result besides the tree; part of a slug's id. */
export const NODE_BUILDER_KEY = ["node/1", process.versions.modules, process.platform, process.arch, "production"].join(
  " ",
);

/** Scripts of the app itself that run within an installation and may touch anything. */
const LIFECYCLE = ["preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare"];

/** True when anything was run, so that the directory holds more than the commit. */
export async function buildNode(build: NodeBuild): Promise<boolean> {
  const { manager, warning } = chooseManager(build.app, (program) => build.has(program));
  const plan = planNode(build.app, manager);
  build.say(`       Node.js ${process.versions.node}\n`);
  if (warning !== undefined) build.say(` !     ${warning}\n`);
  if (plan.prebuild !== undefined) await runScript(build, manager, plan.prebuild);
  if (plan.isInstalling) await install(build, plan, manager);
  else if (build.app.isVendored) build.say("       Using the node_modules of the commit as they are\n");
  if (plan.build !== undefined) await runScript(build, manager, plan.build);
  if (plan.isPruning) {
    build.say("-----> Pruning development dependencies\n");
    await build.run(...manager.prune);
  }
  return plan.isInstalling || plan.prebuild !== undefined || plan.build !== undefined;
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

async function runScript(build: NodeBuild, manager: PackageManager, name: string): Promise<void> {
  build.say(`-----> Running ${name}\n`);
  await build.run(manager.name, "run", name);
}

async function install(build: NodeBuild, plan: NodePlan, manager: PackageManager): Promise<void> {
  build.say("-----> Installing dependencies\n");
  const words = manager.install({ dev: plan.isScripted });
  const mode = plan.isScripted ? "copy" : "link";
  const cache = plan.isCacheable ? await cacheOf(build, manager, words) : undefined;
  if ((await cache?.restore(build.dir, mode)) === true) {
    build.say("       Using the dependencies installed before: the lockfile is the same\n");
    return;
  }
  if (manager.lockfile === undefined) {
    build.say("       No package-lock.json: versions may differ from build to build\n");
  }
  await build.run(...words);
  await cache?.keep(build.dir, mode);
}

async function cacheOf(build: NodeBuild, manager: PackageManager, words: readonly string[]): Promise<NodeModulesCache> {
  const version = (await build.ask(manager.name, "--version")).trim();
  const facts = [NODE_BUILDER_KEY, version, words.join(" "), manager.lockfile ?? "", build.app.npmrc ?? ""];
  // -l: hard links. Both flags are known to GNU, BSD and busybox.
  const copy = (from: string, to: string, mode: "link" | "copy"): Promise<void> =>
    build.run("cp", mode === "link" ? "-al" : "-a", from, to);
  return new NodeModulesCache(build.cacheDir, facts, copy);
}
