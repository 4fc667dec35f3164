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

class NotPlain extends Error {}

/** In the order of the configuration, a remote once for each of its addresses. Undefined: git has to be asked. */
export function readPlainUrls({ cwd, env }: Place): RemoteUrl[] | undefined {
  if (!isPlainEnvironment(env)) return undefined;
  try {
    if (!personalFiles(env).every(saysNothing)) return undefined;
    const repository = findRepository(cwd);
    return repository === undefined ? [] : parseUrls(readFileSync(join(repository, "config"), "utf8"));
  } catch {
    // Not plain; or a file that is not there, or not to be read: git says what it makes of that.
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

/** The `.git` of the work tree around the directory, if that is how git would find it; undefined where there is none. A repository that
 *  belongs to somebody else, or lies on another file system, git would not look into. */
function findRepository(cwd: string): string | undefined {
  const { dev } = statSync(cwd);
  for (let directory = cwd; ; directory = dirname(directory)) {
    const repository = join(directory, ".git");
    // A directory with a HEAD may be a bare repository.
    if (lstatSync(directory).dev !== dev || isThere(join(directory, "HEAD"))) throw new NotPlain();
    if (isThere(repository)) {
      if ([directory, repository].every((path) => isOurs(path, dev)) && isRepository(repository)) return repository;
      throw new NotPlain();
    }
    if (directory === dirname(directory)) return undefined;
  }
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function isOurs(path: string, device: number): boolean {
  const { dev, uid } = lstatSync(path);
  return dev === device && uid === process.geteuid?.();
}

/** One of its own: no linked work tree, which shares the files of another. */
function isRepository(directory: string): boolean {
  return (
    /^(ref: refs\/\S+|[0-9a-f]{40}|[0-9a-f]{64})\n?$/.test(readFileSync(join(directory, "HEAD"), "utf8")) &&
    !isThere(join(directory, "commondir")) &&
    [".", "objects", "refs"].every((name) => lstatSync(join(directory, name)).isDirectory())
  );
}

const SECTION = /^\[([a-z0-9-]+)(?: "([^"\\]*)")?\][ \t]*$/i;
const NOTHING = /^[ \t]*([#;].*)?$/;
const ENTRY = /^[ \t]*([a-z][a-z0-9-]*)[ \t]*(?:=(.*))?$/i;
/** Words, escapes, text in quotes, and a comment behind them: whole, without going on in the next line. */
const VALUE = /^(?:[^"\\#;]|\\[tbn"\\]|"(?:[^"\\]|\\[tbn"\\])*")*(?:[#;].*)?$/;
/** An address that needs no reading between the lines. */
const PLAIN_URL = /^[ \t]*([^"\\#;\s]+)[ \t]*$/;

/** @throws NotPlain for a file that has something else than plain sections and entries, also where git would refuse it. */
function parseUrls(text: string): RemoteUrl[] {
  if (text.length > CONFIG_BYTES_MAX || /[\0\r\uFEFF]/.test(text)) throw new NotPlain();
  const urls: RemoteUrl[] = [];
  let section: Section | undefined;
  for (const line of text.split("\n").filter((one) => !NOTHING.test(one))) {
    if (line.startsWith("[")) section = parseSection(line);
    else urls.push(...urlsIn(section, parseEntry(line)));
  }
  return urls;
}

interface Section {
  name: string;
  remote: string | undefined;
}

function parseSection(line: string): Section {
  const [, name = "include", remote] = SECTION.exec(line) ?? [];
  const lower = name.toLowerCase();
  // These lead to other files, or change how this one is read.
  if (lower.startsWith("include") || lower === "extensions") throw new NotPlain();
  return { name: lower, remote };
}

interface Entry {
  key: string;
  value: string;
}

function parseEntry(line: string): Entry {
  const [, name, value = ""] = ENTRY.exec(line) ?? [];
  if (name === undefined || !VALUE.test(value)) throw new NotPlain();
  return { key: name.toLowerCase(), value };
}

function urlsIn(section: Section | undefined, { key, value }: Entry): RemoteUrl[] {
  if (section === undefined) throw new NotPlain();
  const { name, remote } = section;
  // Later formats may keep their configuration elsewhere.
  if (name === "core" && key === "repositoryformatversion" && value.trim() !== "0") throw new NotPlain();
  if (name !== "remote" || remote === undefined || key !== "url") return [];
  const [, url] = PLAIN_URL.exec(value) ?? [];
  if (url === undefined) throw new NotPlain();
  return [{ name: remote, url }];
}
