/** How npm, yarn and pnpm are told to do what a build needs. */
import type { NodeApp } from "./node-builder.ts";

type Words = readonly [command: string, ...args: string[]];

export interface PackageManager {
  name: "npm" | "yarn" | "pnpm";
  /** Text of the lockfile that it installs from. */
  lockfile: string | undefined;
  /** With development dependencies or without. */
  install(scope: { dev: boolean }): Words;
  /** Takes the development dependencies away again. */
  prune: Words;
}

/** The lockfile says which, npm's before the others; npm again where the machine does not have that one.
 *  @returns with a sentence about the lockfile that is not used */
export function chooseManager(
  app: NodeApp,
  has: (program: string) => boolean,
): { manager: PackageManager; warning: string | undefined } {
  const { lockfile, yarnLock, pnpmLock } = app;
  if (lockfile !== undefined) return { manager: npm(lockfile), warning: undefined };
  if (pnpmLock !== undefined && has("pnpm")) return { manager: pnpm(pnpmLock), warning: undefined };
  if (yarnLock !== undefined && has("yarn")) return { manager: yarn(yarnLock), warning: undefined };
  return { manager: npm(undefined), warning: unused(app) };
}

function unused({ pnpmLock, yarnLock, hasBunLock }: NodeApp): string | undefined {
  if (pnpmLock !== undefined) return `pnpm-lock.yaml is not used, as ${advice("pnpm")}: npm installs instead.`;
  if (yarnLock !== undefined) return `yarn.lock is not used, as ${advice("yarn")}: npm installs instead.`;
  return hasBunLock ? "bun.lock is not used: npm installs what package.json asks for." : undefined;
}

function advice(tool: string): string {
  return `${tool} is not on this machine (npm install --global ${tool})`;
}

function npm(lockfile: string | undefined): PackageManager {
  return {
    name: "npm",
    lockfile,
    install: ({ dev }) => {
      const scope = dev ? "--include=dev" : "--omit=dev";
      return lockfile === undefined ? ["npm", "install", "--no-package-lock", scope] : ["npm", "ci", scope];
    },
    prune: ["npm", "prune", "--omit=dev", "--ignore-scripts"],
  };
}

/** yarn 1 writes its version into the first lines; later ones have other options. */
function yarn(lockfile: string): PackageManager {
  const isClassic = /^# yarn lockfile v1$/m.test(lockfile);
  const without = isClassic
    ? (["yarn", "install", "--frozen-lockfile", "--production", "--ignore-scripts", "--prefer-offline"] as const)
    : (["yarn", "workspaces", "focus", "--all", "--production"] as const);
  return {
    name: "yarn",
    lockfile,
    install: ({ dev }) => {
      if (!isClassic) return dev ? ["yarn", "install", "--immutable"] : without;
      return ["yarn", "install", "--frozen-lockfile", `--production=${String(!dev)}`];
    },
    prune: without,
  };
}

function pnpm(lockfile: string): PackageManager {
  return {
    name: "pnpm",
    lockfile,
    install: ({ dev }) => ["pnpm", "install", "--frozen-lockfile", ...(dev ? ["--prod=false"] : ["--prod"])],
    prune: ["pnpm", "prune", "--prod", "--ignore-scripts"],
  };
}
