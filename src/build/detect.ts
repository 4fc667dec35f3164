/** What kind of app a tree is, decided from its list of files and the text of a few, before anything is built. */
import { AppError } from "../core/error.ts";
import { parseProcfile, sortProcfile, type Procfile } from "../core/procfile.ts";
import type { TreeFile } from "./git.ts";
import { parsePackageJson, type PackageJson } from "./package-json.ts";

export interface DetectedApp {
  /** As people see it: `Node.js`, or `Procfile` for an app that brings everything along. */
  name: "Node.js" | "Procfile";
  /** The code's Procfile, or the default of its kind. */
  procfile: Procfile;
  declared: boolean;
  node: NodeApp | undefined;
}

export interface NodeApp {
  manifest: PackageJson;
  /** Text of package-lock.json or npm-shrinkwrap.json. */
  lockfile: string | undefined;
  /** Lockfile of a package manager that is not used. */
  foreignLockfile: string | undefined;
  npmrc: string | undefined;
  /** node_modules is part of the commit. */
  isVendored: boolean;
}

/** Reads a regular file of the root by its name. */
export type ReadRootFile = (name: string) => Promise<string>;

/** The largest lockfiles in use have about 5 MB. */
const FILE_BYTES_MAX = 10 * 1024 * 1024;

/** @throws AppError invalid_params when the app cannot be run here: no Procfile and nothing to detect, a malformed
 *  Procfile or package.json, submodules. */
export async function detectApp(files: readonly TreeFile[], read: ReadRootFile): Promise<DetectedApp> {
  refuseSubmodules(files);
  const root = new Map(files.filter(({ path }) => !path.includes("/")).map((file) => [file.path, file]));
  const readRoot = async (name: string): Promise<string | undefined> => {
    const file = root.get(name);
    if (file?.mode === "120000") {
      throw new AppError("invalid_params", `${name} is a symbolic link.`, { hint: "Commit the file itself." });
    }
    if (file !== undefined && file.sizeBytes > FILE_BYTES_MAX) {
      throw new AppError("invalid_params", `${name} is larger than 10 MiB.`);
    }
    return file === undefined ? undefined : read(name);
  };
  const text = await readRoot("Procfile");
  const procfile = text === undefined ? undefined : parseProcfile(text);
  const manifestText = await readRoot("package.json");
  if (manifestText === undefined) return procfileApp(procfile, root);
  const manifest = parsePackageJson(manifestText);
  const node: NodeApp = {
    manifest,
    lockfile: (await readRoot("npm-shrinkwrap.json")) ?? (await readRoot("package-lock.json")),
    foreignLockfile: ["yarn.lock", "pnpm-lock.yaml", "bun.lock"].find((name) => root.has(name)),
    npmrc: await readRoot(".npmrc"),
    isVendored: files.some(({ path }) => path === "node_modules" || path.startsWith("node_modules/")),
  };
  const declared = procfile !== undefined && procfile.size > 0;
  return { name: "Node.js", procfile: declared ? procfile : defaultTypes(manifest, root), declared, node };
}

function procfileApp(procfile: Procfile | undefined, root: ReadonlyMap<string, TreeFile>): DetectedApp {
  if (procfile !== undefined && procfile.size > 0) {
    return { name: "Procfile", procfile, declared: true, node: undefined };
  }
  if (procfile !== undefined) {
    throw new AppError("invalid_params", "Procfile declares no process types.", {
      hint: "Add a line such as `web: ./start --port $PORT`, commit and push again.",
    });
  }
  const misspelt = [...root.keys()].find((name) => /^procfile(\.[a-z]+)?$/i.test(name));
  throw new AppError("invalid_params", "No Procfile, and no package.json to detect an app by.", {
    hint:
      misspelt === undefined
        ? "Add a file named Procfile with a line such as `web: ./start --port $PORT`, commit and push again."
        : `Rename ${misspelt} to Procfile, commit and push again.`,
  });
}

function defaultTypes(manifest: PackageJson, root: ReadonlyMap<string, TreeFile>): Procfile {
  if (manifest.scripts.has("start") || root.has("server.js")) return sortProcfile([["web", "npm start"]]);
  throw new AppError("invalid_params", "Nothing says how to start this Node.js app.", {
    hint: "Add a Procfile with a line such as `web: node index.js`, or a start script to package.json.",
  });
}

function refuseSubmodules(files: readonly TreeFile[]): void {
  const submodules = files.filter(({ mode }) => mode === "160000").map(({ path }) => path);
  if (submodules.length === 0) return;
  throw new AppError("invalid_params", `The commit contains git submodules: ${submodules.slice(0, 5).join(", ")}.`, {
    hint: "A push does not carry their code. Copy it in, use a package, or merge it with `git subtree add`.",
  });
}
