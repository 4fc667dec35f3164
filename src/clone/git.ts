/** The machine's own git, run in the developer's directory. Every run is one spawn (about 3 ms): callers ask for much
 *  at once. Only variables that git itself reads are handed on. */
import type { SpawnSyncReturns } from "node:child_process";
import { AppError } from "../core/error.ts";

export interface Place {
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
}

export interface GitResult {
  status: number;
  stdout: string;
  stderr: string;
}

const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;
/** A signal ended it. */
const KILLED = 128;
const INHERITED = new Set(
  "PATH HOME USER LOGNAME EMAIL XDG_CONFIG_HOME TZ TMPDIR TERM PAGER VISUAL EDITOR SSH_ASKPASS GCM_INTERACTIVE".split(
    " ",
  ),
);

/** A status other than 0 is an answer, not an error. The run is waited for on the spot: a client has nothing else to do,
 *  and pipes with events would cost more than git itself.
 *  @throws AppError unavailable when this machine has no git. */
export function runGit(place: Place, args: readonly string[], input?: string): GitResult {
  // Loaded here, because most commands in a plain clone run no git.
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  const runIn = (cwd: string): SpawnSyncReturns<string> =>
    spawnSync("git", args, {
      cwd,
      env: gitEnvironment(place.env),
      encoding: "utf8",
      maxBuffer: OUTPUT_BYTES_MAX,
      stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      ...(input !== undefined && { input }),
    });
  let run = runIn(place.cwd);
  // A directory that one may not enter, as root's own after `sudo -u git`, is nobody's clone.
  if (isDenied(run.error)) run = runIn("/");
  if (run.error !== undefined) throw explain(run.error);
  return { status: run.status ?? KILLED, stdout: run.stdout, stderr: run.stderr };
}

function isDenied(error: NodeJS.ErrnoException | undefined): boolean {
  return error?.code === "EACCES";
}

function explain(error: NodeJS.ErrnoException): Error {
  if (error.code !== "ENOENT") return error;
  return new AppError("unavailable", "The program `git` was not found, or this directory is gone.", {
    hint: "Install git 2.36 or newer and make sure that it is on PATH.",
    cause: error,
  });
}

/** Messages in English, because some are read; the rest as the person set it. */
function gitEnvironment(env: Place["env"]): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && (INHERITED.has(entry[0]) || /^GIT_(?!HEROKU_)/.test(entry[0])),
  );
  return { ...Object.fromEntries(kept), LC_ALL: "C.UTF-8" };
}

/** Runs git where only success makes sense.
 *  @throws AppError bad_request with git's own words. */
export function demandGit(place: Place, args: readonly string[]): void {
  const result = runGit(place, args);
  if (result.status === 0) return;
  throw new AppError("bad_request", `git ${args.slice(0, 2).join(" ")} failed: ${result.stderr.trim()}`);
}
