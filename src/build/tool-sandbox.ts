/** The sandbox that a build's tools run in, where the platform hands one in: what it shows of the platform's files is said
 *  here. */
import { mkdir } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { takeBack } from "./slug-files.ts";
import type { Workplace } from "./slug-store.ts";
import { toolPath, type ToolEnv } from "./tool-env.ts";

export interface ToolSandbox {
  /** The command line up to the tool. */
  words(view: ToolView): Promise<string[]>;
  /** Lets the tools write to a directory and all that is in it. */
  give(directory: string): Promise<void>;
  /** The same for one that stays from build to build. */
  giveOnce(directory: string): Promise<void>;
}

export interface ToolView {
  /** The code, where a tool starts. */
  app: string;
  /** Shown as /tmp, too. */
  tmp: string;
  writable: readonly string[];
  readable: readonly string[];
  path: string;
}

/** Of the app's cache, what tools write to. Beside it lie repositories in which git runs for the platform. */
const CACHES = ["build", "npm", "node_modules"];
/** Variables whose values are files of the machine. */
const NAMES_FILE = /^(npm_config_(cafile|nodedir)|NODE_EXTRA_CA_CERTS)$/i;
/** One that apps would have in common. */
const SHARED_CACHE = /^npm_config_cache$/i;

/** Makes what the tools of a build need in their sandbox. */
export async function openToolView(
  sandbox: ToolSandbox,
  { place, cacheDir, toolEnv }: { place: Workplace; cacheDir: string; toolEnv: ToolEnv },
): Promise<ToolView> {
  const caches = cachesIn(cacheDir);
  for (const dir of caches) {
    await mkdir(dir, { recursive: true });
    await sandbox.giveOnce(dir);
  }
  for (const dir of [place.env, place.buildpacks]) await mkdir(dir, { recursive: true, mode: 0o700 });
  for (const dir of [place.app, place.home, place.tmp, place.buildpacks]) await sandbox.give(dir);
  const files = Object.entries(toolEnv).filter(([name, value]) => NAMES_FILE.test(name) && isAbsolute(value));
  return {
    app: place.app,
    tmp: place.tmp,
    writable: [place.home, place.buildpacks, ...caches],
    readable: [place.env, ...files.map(([, value]) => value)],
    path: toolPath(toolEnv),
  };
}

function cachesIn(cacheDir: string): string[] {
  return CACHES.map((name) => join(cacheDir, name));
}

/** Before tools write to them as the platform itself. */
export async function takeBackCaches(cacheDir: string): Promise<void> {
  for (const dir of cachesIn(cacheDir)) await takeBack(dir);
}

/** What a build in a sandbox sees of the machine's tools. */
export function confinedEnv(toolEnv: ToolEnv): ToolEnv {
  return Object.fromEntries(Object.entries(toolEnv).filter(([name]) => !SHARED_CACHE.test(name)));
}
