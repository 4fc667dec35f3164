/** What a developer's directory says about running the app there: its Procfile and its .env files. */
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { parse } from "dotenv";
import { findTopLevel } from "../clone/work-tree.ts";
import { AppError } from "../core/error.ts";
import { scanProcfile, type Procfile } from "../core/procfile.ts";
import type { Arguments, Option, World } from "./command.ts";
import { decodeText } from "./read-dotenv.ts";

export const ENV_OPTION: Option = {
  name: "env",
  short: "e",
  value: "FILE,...",
  summary: "files of variables (usually .env)",
};
export const PROCFILE_OPTION: Option = {
  name: "procfile",
  short: "f",
  value: "FILE",
  summary: "another Procfile; the processes run beside it",
};

export const START_OPTION: Option = {
  name: "start-cmd",
  value: "COMMAND",
  summary: "the type web where there is no Procfile",
};

export interface LocalApp {
  /** Where its processes run. */
  directory: string;
  /** In the order in which it is written; undefined where there is none. */
  procfile: Procfile | undefined;
}

/** The Procfile that was asked for, else that of this directory, else that of the work tree. Without any, the command that was
 *  given, else a start script of package.json, is the type web, as it is on the platform.
 *  @throws AppError not_found for a file that was asked for, invalid_params for a malformed one. */
export async function findLocalApp(world: World, args: Arguments): Promise<LocalApp> {
  const asked = args.value(PROCFILE_OPTION.name);
  if (asked !== undefined) {
    const path = resolve(world.cwd, asked);
    const text = await readText(path);
    if (text === undefined) throw noFile(asked);
    return { directory: dirname(path), procfile: scanProcfile(text) };
  }
  const top = findTopLevel(world);
  const directories = top === undefined ? [world.cwd] : [world.cwd, top];
  for (const directory of directories) {
    const text = await readText(join(directory, "Procfile"));
    if (text !== undefined) return { directory, procfile: scanProcfile(text) };
  }
  return withoutProcfile(directories, args.value(START_OPTION.name));
}

/** @param directories from the nearest to the top of the work tree */
async function withoutProcfile(directories: readonly string[], command: string | undefined): Promise<LocalApp> {
  const [here = "", top = here] = directories;
  if (command !== undefined) return { directory: here, procfile: new Map([["web", command]]) };
  for (const directory of directories) {
    const text = await readText(join(directory, "package.json"));
    if (text !== undefined) return { directory, procfile: hasStart(text) ? START : undefined };
  }
  return { directory: top, procfile: undefined };
}

const START: Procfile = new Map([["web", "npm start"]]);

function hasStart(manifest: string): boolean {
  try {
    const { scripts } = JSON.parse(manifest) as { scripts?: { start?: unknown } };
    return typeof scripts?.start === "string";
  } catch {
    return false;
  }
}

/** Variables of the files that were asked for, else of `usual`, which need not be there.
 *  @throws AppError not_found, invalid_params for a file that is no text. */
export async function readEnvFiles(world: World, args: Arguments, usual?: string): Promise<Record<string, string>> {
  const asked = args.value(ENV_OPTION.name)?.split(",");
  const files = asked ?? (usual === undefined ? [] : [usual]);
  const vars: Record<string, string> = {};
  for (const file of files) {
    const text = await readText(resolve(world.cwd, file));
    if (text === undefined && asked !== undefined) throw noFile(file);
    Object.assign(vars, parse((text ?? "").replace(/^\uFEFF/, "")));
  }
  return vars;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return decodeText(await readFile(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    if (code !== "EISDIR" && code !== "EACCES") throw error;
    throw new AppError("invalid_params", `${path} cannot be read.`, { cause: error });
  }
}

function noFile(name: string): AppError {
  return new AppError("not_found", `There is no file ${JSON.stringify(name)}.`, {
    hint: "Paths are those of the directory that you are in.",
  });
}
