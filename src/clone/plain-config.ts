/** The addresses of a clone's remotes without asking git, which takes 4 ms: where every file that git would read is
 *  plain. Whatever is not known to be plain is left to git (docs/decisions/064-remotes-without-git.md).
 *  The syntax is that of git-config(1), "CONFIGURATION FILE". */
import { lstatSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Place } from "./git.ts";

export interface RemoteUrl {
  name: string;
  url: string;
}

/** Variables that change nothing about which files git reads, nor what they say. */
const HARMLESS =
  /^GIT_(HEROKU_\w+|EXEC_PATH|PAGER|EDITOR|SEQUENCE_EDITOR|TERMINAL_PROMPT|ASKPASS|(AUTHOR|COMMITTER|SSH|SSL)(_\w+)?)$/;
const NO_SYSTEM = "GIT_CONFIG_NOSYSTEM";
const SYSTEM_FILES = ["/etc/gitconfig", "/usr/local/etc/gitconfig", "/opt/homebrew/etc/gitconfig"];
const CONFIG_BYTES_MAX = 1024 * 1024;

/** In the order of the configuration, a remote once for each of its addresses. Undefined: git has to be asked. */
export function readPlainUrls({ cwd, env }: Place): RemoteUrl[] | undefined {
  if (!isPlainEnvironment(env)) return undefined;
  try {
    const repository = personalFiles(env).every(saysNothing) ? findRepository(cwd) : undefined;
    return repository === undefined ? undefined : parsePlainUrls(readFileSync(join(repository, "config"), "utf8"));
  } catch {
    // A file or directory that is not there, or not to be read: git says what it makes of that.
    return undefined;
  }
}

function isPlainEnvironment(env: Place["env"]): boolean {
  return Object.entries(env).every(
    ([name, value]) =>
      !name.startsWith("GIT_") ||
      value === undefined ||
      HARMLESS.test(name) ||
      (name === NO_SYSTEM && (value === "1" || value === "true")),
  );
}

/** What git reads before the repository's own file, wherever it was built to look for it. */
function personalFiles(env: Place["env"]): string[] {
  const home = env["HOME"];
  const xdg = env["XDG_CONFIG_HOME"] || (home && join(home, ".config"));
  return [
    ...(env[NO_SYSTEM] === undefined ? SYSTEM_FILES : []),
    ...(xdg ? [join(xdg, "git", "config")] : []),
    ...(home ? [join(home, ".gitconfig")] : []),
  ];
}

/** Whether the file is not there, or has nothing that could be about remotes. */
function saysNothing(file: string): boolean {
  try {
    return !/\[(remote|include)/i.test(readFileSync(file, "latin1"));
  } catch (error) {
    return ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");
  }
}

/** The `.git` of the work tree around the directory, if that is how git would find it. A repository that belongs to
 *  somebody else, or lies on another file system, git would not look into. */
function findRepository(cwd: string): string | undefined {
  const owner = process.geteuid?.();
  const { dev } = statSync(cwd);
  for (let directory = cwd; ; directory = dirname(directory)) {
    const repository = join(directory, ".git");
    const [tree, found] = [lstatSync(directory), lstatSync(repository, { throwIfNoEntry: false })];
    // A directory with a HEAD may be a bare repository.
    if (tree.dev !== dev || isThere(join(directory, "HEAD"))) return undefined;
    if (found !== undefined) {
      const isOurs = found.isDirectory() && found.dev === dev && tree.uid === owner && found.uid === owner;
      return isOurs && isRepository(repository) ? repository : undefined;
    }
    if (directory === dirname(directory)) return undefined;
  }
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** One of its own: no linked work tree, which shares the files of another. */
function isRepository(directory: string): boolean {
  return (
    /^(ref: refs\/\S+|[0-9a-f]{40}|[0-9a-f]{64})\n?$/.test(readFileSync(join(directory, "HEAD"), "utf8")) &&
    !isThere(join(directory, "commondir")) &&
    ["objects", "refs"].every((name) => lstatSync(join(directory, name)).isDirectory())
  );
}

const SECTION = /^\[([a-z0-9-]+)(?: "([^"\\]*)")?\][ \t]*$/i;
const NOTHING = /^[ \t]*([#;].*)?$/;
const ENTRY = /^[ \t]*([a-z][a-z0-9-]*)[ \t]*(?:=(.*))?$/i;
/** Words, escapes, text in quotes, and a comment behind them: whole, without going on in the next line. */
const VALUE = /^(?:[^"\\#;]|\\[tbn"\\]|"(?:[^"\\]|\\[tbn"\\])*")*(?:[#;].*)?$/;
/** An address that needs no reading between the lines. */
const PLAIN_URL = /^[ \t]*([^"\\#;\s]+)[ \t]*$/;

/** Undefined for a file that has something other than plain sections and entries, also where git would refuse it. */
export function parsePlainUrls(text: string): RemoteUrl[] | undefined {
  if (text.length > CONFIG_BYTES_MAX || /[\0\r\uFEFF]/.test(text)) return undefined;
  const urls: RemoteUrl[] = [];
  let section: Section | undefined;
  for (const line of text.split("\n")) {
    if (NOTHING.test(line)) continue;
    const opened = parseSection(line);
    if (opened === "strange") return undefined;
    section = opened ?? section;
    if (opened !== undefined) continue;
    const entry = section && parseEntry(section, line);
    if (entry === "strange" || entry === undefined) return undefined;
    if (entry !== "other") urls.push(entry);
  }
  return urls;
}

interface Section {
  name: string;
  remote: string | undefined;
}

/** Undefined for a line that is no section's head. */
function parseSection(line: string): Section | "strange" | undefined {
  if (!line.startsWith("[")) return undefined;
  const [, name, remote] = SECTION.exec(line) ?? [];
  const lower = name?.toLowerCase();
  // These lead to other files, or change how this one is read.
  if (lower === undefined || lower.startsWith("include") || lower === "extensions") return "strange";
  return { name: lower, remote };
}

function parseEntry({ name: section, remote }: Section, line: string): RemoteUrl | "other" | "strange" {
  const [, name, value] = ENTRY.exec(line) ?? [];
  const key = name?.toLowerCase();
  if (key === undefined || (value !== undefined && !VALUE.test(value))) return "strange";
  if (section === "core" && key === "repositoryformatversion") return value?.trim() === "0" ? "other" : "strange";
  if (section !== "remote" || remote === undefined || key !== "url") return "other";
  const [, url] = PLAIN_URL.exec(value ?? "") ?? [];
  return url === undefined ? "strange" : { name: remote, url };
}
