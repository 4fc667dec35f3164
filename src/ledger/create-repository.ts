/** Makes the bare repository of an app: every setting is written here rather than left to git's defaults, which differ
 *  between versions. No git process is needed, so `create` stays quick. */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { AppError } from "../core/error.ts";
import { syncDirectory, writeDurably } from "./durable-file.ts";

export type GitSetting = readonly [name: string, value: string];

export interface CreateRepositoryOptions {
  /** Added to the settings below, in this order. */
  gitConfig?: readonly GitSetting[];
  /** Where the hooks are (core.hooksPath). */
  hooksPath: string;
  /** Works on the repository before it gets its name, such as writing v1: an app is there whole or not at all. */
  prepare?: (unfinishedPath: string) => Promise<void>;
}

const SETTINGS: readonly GitSetting[] = [
  ["core.repositoryFormatVersion", "0"],
  ["core.fileMode", "true"],
  ["core.bare", "true"],
  // git's default syncs neither refs nor loose objects.
  ["core.fsync", "committed"],
  ["core.logAllRefUpdates", "always"],
  // A pushed refs/replace/… must not make anybody read another commit than the one that is named.
  ["core.useReplaceRefs", "false"],
  // Maintenance is the platform's, never a part of somebody's push.
  ["gc.auto", "0"],
  ["receive.autogc", "false"],
  ["receive.fsckObjects", "true"],
  ["receive.fsck.badFilemode", "error"],
  ["receive.fsck.gitmodulesSymlink", "error"],
  ["receive.denyDeletes", "true"],
  ["receive.shallowUpdate", "false"],
  ["receive.maxInputSize", "500m"],
  ["receive.advertisePushOptions", "true"],
  ["receive.advertiseAtomic", "true"],
  // While git checks a push, the repository is an alternate of what was received, and its refs are known by `--all` already: to
  // be told them again costs a git more for each push. Nothing is told by a program that does nothing.
  ["core.alternateRefsCommand", "true"],
  // Hidden from receive only: fetch and backup see them.
  ["receive.hideRefs", "refs/heads/releases"],
  ["receive.hideRefs", "refs/notes"],
  ["receive.hideRefs", "refs/heroku"],
  ["receive.hideRefs", "refs/replace"],
  ["receive.procReceiveRefs", "refs/heads/main"],
  ["receive.procReceiveRefs", "refs/heads/master"],
  ["uploadpack.allowFilter", "true"],
];
/** What a `create`, `restore` or `backup` that was killed leaves begins with this. */
export const UNFINISHED = ".creating-";

/** @throws AppError conflict when there is a repository of this name already. */
export async function createRepository(path: string, options: CreateRepositoryOptions): Promise<void> {
  const parent = dirname(path);
  const unfinished = join(parent, `${UNFINISHED}${basename(path)}-${randomBytes(6).toString("hex")}`);
  try {
    for (const directory of ["objects/info", "objects/pack", "refs/heads", "refs/tags"]) {
      await mkdir(join(unfinished, directory), { recursive: true, mode: 0o700 });
    }
    const hooks: GitSetting = ["core.hooksPath", options.hooksPath];
    await writeDurably(
      join(unfinished, "config"),
      formatGitConfig([...SETTINGS, hooks, ...(options.gitConfig ?? [])]),
      0o600,
    );
    await writeDurably(join(unfinished, "HEAD"), "ref: refs/heads/main\n", 0o600);
    await options.prepare?.(unfinished);
    await syncDirectory(unfinished);
    await rename(unfinished, path);
    await syncDirectory(parent);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    if (!["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    throw new AppError("conflict", `There is a repository ${basename(path)} already.`, { cause: error });
  }
}

/** Removes what was never finished in the directory of repositories. */
export async function removeUnfinishedRepositories(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (name.startsWith(UNFINISHED)) await rm(join(parent, name), { recursive: true, force: true });
  }
}

/** git's configuration syntax; every value quoted, so that it may hold anything but NUL. */
function formatGitConfig(settings: readonly GitSetting[]): string {
  return settings.map(([name, value]) => formatSetting(name, value)).join("");
}

function formatSetting(name: string, value: string): string {
  const [, section, subsection, key] =
    /^([A-Za-z][A-Za-z0-9-]*)\.(?:(.+)\.)?([A-Za-z][A-Za-z0-9-]*)$/s.exec(name) ?? [];
  if (section === undefined || key === undefined || /[\0\n]/.test(name) || value.includes("\0")) {
    throw new Error(`${JSON.stringify(name)} cannot be written to git's configuration.`);
  }
  const head = subsection === undefined ? section : `${section} ${quote(subsection)}`;
  return `[${head}]\n\t${key} = ${quote(value)}\n`;
}

function quote(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"`;
}
