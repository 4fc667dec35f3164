/** Runs git where nobody waits for it: at the lowest priority, in a process group that ends when it is told to, or with
 *  the daemon, however that dies. git clears its own locks and temporary files when it is ended by SIGTERM; a git that
 *  outlived its daemon would work on a repository that the next daemon has to itself. */
import { spawn } from "node:child_process";
import { gitArguments, type Repository } from "./git-process.ts";

/** Standard input is a pipe that the daemon holds: whoever reads its end knows that the daemon is gone. */
const SCRIPT = `exec 3<&0 </dev/null
(read -r line <&3; kill -TERM 0) >/dev/null 2>&1 &
watch=$!
"$@" 3<&-
status=$?
kill "$watch"
exit "$status"`;
const STDERR_KEPT = 4096;

/** Resolves when git and all that it started are gone; with the signal aborted, without having finished.
 *  @throws Error with what git wrote to standard error. */
export function runGitInBackground(
  repository: Repository,
  args: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const command = ["-n", "19", "sh", "-c", SCRIPT, "sh", "git", ...gitArguments(repository, args)];
  const child = spawn("nice", command, {
    cwd: repository.path,
    env: { ...repository.env },
    stdio: ["pipe", "ignore", "pipe"],
    detached: true,
  });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-STDERR_KEPT);
  });
  const abort = (): void => {
    child.stdin.destroy();
  };
  signal.addEventListener("abort", abort, { once: true });
  return new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => {
      signal.removeEventListener("abort", abort);
      if (status === 0 || signal.aborted) resolve();
      else reject(new Error(`git ${args.join(" ")} failed: ${stderr.trim() || `status ${String(status)}`}`));
    });
  });
}
