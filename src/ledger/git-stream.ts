/** Runs git once with bytes streaming in or out, for what is too large to be held. */
import { spawn, type ChildProcess } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { gitArguments, type Repository } from "./git-process.ts";

export interface GitStream {
  /** Nothing, when left out. */
  stdin?: Readable;
  /** A stream or a file descriptor; what git says is dropped when left out. */
  stdout?: Writable | number;
  signal: AbortSignal;
}

const STDERR_KEPT = 4096;

/** git ended with another status than 0, or was killed. */
export class GitFailed extends Error {}

/** Resolves when git has ended and all streams are done.
 *  @throws GitFailed with what git wrote to standard error; whatever a stream threw; an AbortError of the signal. */
export async function streamGit(repository: Repository, args: readonly string[], io: GitStream): Promise<void> {
  io.signal.throwIfAborted();
  const { stdin, stdout } = io;
  const child = spawn("git", gitArguments(repository, args), {
    cwd: repository.path,
    env: { ...repository.env },
    stdio: [
      stdin === undefined ? "ignore" : "pipe",
      typeof stdout === "object" ? "pipe" : (stdout ?? "ignore"),
      "pipe",
    ],
    signal: io.signal,
    killSignal: "SIGKILL",
  });
  const fed = child.stdin === null || stdin === undefined ? undefined : pipeline(stdin, child.stdin);
  const read = child.stdout === null || typeof stdout !== "object" ? undefined : pipeline(child.stdout, stdout);
  // A git that gives up closes its ends of the streams: its own words say why.
  for (const end of await Promise.allSettled([ended(child, args), fed, read])) {
    if (end.status === "rejected") throw end.reason;
  }
}

function ended(child: ChildProcess, args: readonly string[]): Promise<void> {
  let stderr = "";
  child.stderr?.on("data", (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-STDERR_KEPT)));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      const command = args.find((word) => /^[a-z]+(-[a-z]+)*$/.test(word)) ?? "";
      if (code === 0) resolve();
      else reject(new GitFailed(`git ${command}: ${stderr.trim() || String(signal ?? code)}`));
    });
  });
}
