/** Which Node.js an app is built with and runs on: the platform's own, unless its `engines` wants another one that the machine
 *  has, from a version manager or on PATH. That one is copied into the slug, where it stays when the manager removes it. */
import { execFile } from "node:child_process";
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { cp, lstat, mkdir, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { compareVersions, isWithin, parseRelease, type Version } from "../core/version-range.ts";
import { absent } from "./slug-files.ts";
import type { ToolEnv } from "./tool-env.ts";

export interface NodeEngine {
  /** `20.20.2` */
  version: string;
  /** The directory above `bin`, of one that is not the platform's own. */
  prefix: string | undefined;
  /** In one sentence. */
  warning: string | undefined;
}

interface Installed {
  version: Version;
  prefix: string;
}

/** Where version managers keep theirs: a variable and its usual value below the home, and the way to `VERSION/bin`. */
const MANAGERS: readonly [variable: string, usual: string, versions: string, rest: string][] = [
  ["NVM_DIR", ".nvm", "versions/node", ""],
  ["VOLTA_HOME", ".volta", "tools/image/node", ""],
  ["ASDF_DATA_DIR", ".asdf", "installs/nodejs", ""],
  ["MISE_DATA_DIR", ".local/share/mise", "installs/node", ""],
  ["FNM_DIR", ".local/share/fnm", "node-versions", "installation"],
  ["N_PREFIX", "/usr/local", "n/versions/node", ""],
];
const VERSION_PATIENCE_MS = 10_000;
/** Below the app. */
const PLACE = ".node";

const run = promisify(execFile);

/** @param wanted `engines.node`, if package.json has it */
export async function chooseNode(wanted: string | undefined, toolEnv: ToolEnv): Promise<NodeEngine> {
  const own = { version: process.versions.node, prefix: undefined };
  if (wanted === undefined || wanted.trim() === "") return { ...own, warning: undefined };
  const fits = (version: Version): boolean | undefined => isWithin(version, wanted);
  const verdict = fits(parseRelease(own.version) ?? [0, 0, 0]);
  const cut = wanted.length > 40 ? `${wanted.slice(0, 40)}…` : wanted;
  const asks = `package.json asks for Node.js ${JSON.stringify(cut)}`;
  if (verdict === undefined)
    return { ...own, warning: `${asks}, which is no range of versions; ${own.version} is used.` };
  if (verdict) return { ...own, warning: undefined };
  const managed = newest(managedNodes(toolEnv).filter(({ version }) => fits(version)));
  const found = managed ?? newest((await nodesOnPath(toolEnv)).filter(({ version }) => fits(version)));
  if (found !== undefined) return { version: found.version.join("."), prefix: found.prefix, warning: undefined };
  return { ...own, warning: `${asks}; this machine has no such version, so ${own.version} is used.` };
}

function newest(installed: readonly Installed[]): Installed | undefined {
  return installed.toSorted((a, b) => compareVersions(b.version, a.version))[0];
}

function managedNodes(toolEnv: ToolEnv): Installed[] {
  return MANAGERS.flatMap(([variable, usual, versions, rest]) => {
    const directory = join(toolEnv[variable] ?? (usual.startsWith("/") ? usual : join(homedir(), usual)), versions);
    return namesIn(directory).flatMap((name) => {
      const version = parseRelease(name);
      const prefix = join(directory, name, rest);
      return version !== undefined && existsSync(join(prefix, "bin", "node")) ? [{ version, prefix }] : [];
    });
  });
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Only these must be started to be known. */
async function nodesOnPath({ PATH = "" }: ToolEnv): Promise<Installed[]> {
  const programs = PATH.split(":").map((directory) => join(directory, "node"));
  const files = new Set(programs.filter((program) => existsSync(program)).map((program) => realpathSync(program)));
  const found = [...files].map(async (file) => {
    const { stdout } = await run(file, ["--version"], { timeout: VERSION_PATIENCE_MS }).catch(() => ({ stdout: "" }));
    const version = parseRelease(stdout);
    return version === undefined ? [] : [{ version, prefix: dirname(dirname(file)) }];
  });
  return (await Promise.all(found)).flat();
}

/** Puts node and its own npm into the app, first on the PATH of its processes. What the app has in its place goes, and a link
 *  there is not followed.
 *  @param give lets programs write to a directory
 *  @returns where they are */
export async function layNode(prefix: string, app: string, give: (dir: string) => Promise<void>): Promise<string> {
  const bin = join(app, PLACE, "bin");
  await rm(join(app, PLACE), { recursive: true, force: true });
  await mkdir(bin, { recursive: true });
  for (const name of ["bin/node", "bin/npm", "bin/npx", "lib/node_modules/npm"]) {
    if (!existsSync(join(prefix, name))) continue;
    await cp(join(prefix, name), join(app, PLACE, name), { recursive: true, verbatimSymlinks: true });
  }
  const profiles = join(app, ".profile.d");
  if ((await lstat(profiles).catch(absent))?.isDirectory() !== true) await rm(profiles, { force: true });
  await mkdir(profiles, { recursive: true });
  await rm(join(profiles, "nodejs.sh"), { recursive: true, force: true });
  await writeFile(join(profiles, "nodejs.sh"), `export PATH="$HOME/${PLACE}/bin:$PATH"\n`, { flag: "wx" });
  for (const dir of [join(app, PLACE), profiles]) await give(dir);
  return bin;
}
