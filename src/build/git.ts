/** The machine's git as a build needs it: read a tree, read blobs, lay a commit out in a directory. Always with an
 *  environment of its own: a hook's GIT_DIR and a person's configuration must change nothing here. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";

export interface GitContext {
  /** The bare repository. */
  repo: string;
  path: string;
  signal: AbortSignal;
  /** What its environment has besides. */
  env?: Readonly<Record<string, string>>;
}

/** A program that ended with another status than 0, and what it said on standard error. */
export class ToolFailed extends Error {
  readonly said: string;

  constructor(message: string, said: string) {
    super(message);
    this.said = said;
  }
}

export interface TreeFile {
  path: string;
  mode: string;
  oid: string;
  /** 0 for submodules. */
  sizeBytes: number;
}

/** `git archive` leaves out and rewrites what these attributes say; a slug holds the commit as it is. */
const ATTRIBUTES = "* -export-ignore -export-subst\n";

export async function listTree(git: GitContext, tree: string): Promise<TreeFile[]> {
  const listing = await gitOutput(git, ["ls-tree", "-r", "-l", "-z", "--full-tree", tree]);
  return listing
    .toString("utf8")
    .split("\0")
    .filter((line) => line !== "")
    .map(parseTreeLine);
}

function parseTreeLine(line: string): TreeFile {
  const tab = line.indexOf("\t");
  const [mode = "", , oid = "", size = ""] = line.slice(0, tab).split(/ +/);
  return { path: line.slice(tab + 1), mode, oid, sizeBytes: size === "-" ? 0 : Number(size) };
}

export interface CheckOut {
  /** A commit or a tree. */
  from: string;
  /** An empty directory, or one that has none of these files. */
  dir: string;
  /** Taken from the modes of what is made. */
  umask: "0022" | "0222";
  /** These files only. */
  paths?: readonly string[];
}

/** Lays files out: no smudge filters, no submodules, links as they are. */
export async function checkOut(git: GitContext, { from, dir, umask, paths = [] }: CheckOut): Promise<void> {
  await keepEverything(git.repo);
  const archive = start(git, "git", [
    `--git-dir=${git.repo}`,
    "--literal-pathspecs",
    "-c",
    `tar.umask=${umask}`,
    "archive",
    "--format=tar",
    from,
    ...(paths.length === 0 ? [] : ["--", ...paths]),
  ]);
  // -o: the files are ours, also when root unpacks them.
  const unpack = start(git, "tar", ["-x", "-o", "-f", "-", "-C", dir]);
  unpack.stdout.resume();
  // Both have ended when this returns, so that nothing is written into a directory that is being removed.
  const copied = pipeline(archive.stdout, unpack.stdin).catch(ignoreBrokenPipe);
  const outcomes = await Promise.allSettled([unpack.succeeded, archive.succeeded, copied]);
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}

async function keepEverything(repo: string): Promise<void> {
  const file = join(repo, "info", "attributes");
  if ((await readFile(file, "utf8").catch(() => "")) === ATTRIBUTES) return;
  await mkdir(join(repo, "info"), { recursive: true });
  const unfinished = `${file}.${randomBytes(6).toString("hex")}`;
  await writeFile(unfinished, ATTRIBUTES);
  await rename(unfinished, file);
}

/** @throws ToolFailed */
export async function gitOutput(git: GitContext, args: readonly string[]): Promise<Buffer> {
  return runProgram(git, "git", [`--git-dir=${git.repo}`, ...args]);
}

/** Gives what it writes.
 *  @throws ToolFailed */
export async function runProgram(git: GitContext, command: string, args: readonly string[]): Promise<Buffer> {
  return feedProgram(git, command, args, "");
}

/** The same with something to read.
 *  @throws ToolFailed */
export async function feedProgram(
  git: GitContext,
  command: string,
  args: readonly string[],
  input: string,
): Promise<Buffer> {
  const child = start(git, command, args);
  child.stdin.end(input);
  const [output] = await Promise.all([buffer(child.stdout), child.succeeded]);
  return output;
}

interface Started {
  stdin: NodeJS.WritableStream;
  stdout: Readable;
  /** Rejects with what the program said when its status is not 0. */
  succeeded: Promise<void>;
}

function start({ path, signal, env: more }: GitContext, command: string, args: readonly string[]): Started {
  const env = { ...more, PATH: path, LC_ALL: "C", GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" };
  const child = spawn(command, args, { cwd: "/", env, signal, killSignal: "SIGKILL" });
  child.stdin.on("error", ignoreBrokenPipe);
  const succeeded = (async () => {
    const [complaint, [code]] = await Promise.all([text(child.stderr), once(child, "close")]);
    if (code === 0) return;
    throw new ToolFailed(`${command} ${args.join(" ")} ended with ${String(code)}: ${complaint.trim()}`, complaint);
  })();
  return { stdin: child.stdin, stdout: child.stdout, succeeded };
}

/** The program that closed its input early says why by its exit status. */
function ignoreBrokenPipe(error: unknown): void {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== "EPIPE" && code !== "ERR_STREAM_PREMATURE_CLOSE" && code !== "ECONNRESET") throw error;
}
