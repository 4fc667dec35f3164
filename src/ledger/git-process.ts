/** How this room runs git: with an environment of its own (no user's configuration, no replaced objects, no hooks)
 *  and with refs written durably. */
import { execFile } from "node:child_process";

/** A bare repository and the environment that its git processes get. */
export interface Repository {
  path: string;
  env: Readonly<Record<string, string>>;
}

const OUTPUT_BYTES_MAX = 256 * 1024 * 1024;

export function openRepository(path: string, committer: { name: string; email: string }): Repository {
  return {
    path,
    env: {
      PATH: process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
      HOME: "/nonexistent",
      LC_ALL: "C",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_NOSYSTEM: "1",
      // A pushed refs/replace/… could otherwise put another commit in a release's place.
      GIT_NO_REPLACE_OBJECTS: "1",
      // Reflog entries are written in this name.
      GIT_COMMITTER_NAME: committer.name,
      GIT_COMMITTER_EMAIL: committer.email,
    },
  };
}

export function gitArguments(repository: Repository, args: readonly string[]): string[] {
  const settings = ["core.fsync=committed", "core.hooksPath=/dev/null", "core.filesRefLockTimeout=2000"];
  return [`--git-dir=${repository.path}`, ...settings.flatMap((setting) => ["-c", setting]), ...args];
}

/** Runs git once and returns its standard output; rejects with what it wrote to standard error. */
export async function runGit(repository: Repository, args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await tryGit(repository, args);
  if (status === 0) return stdout;
  throw new Error(`git ${args.join(" ")} failed: ${stderr.trim() || `it ended with ${String(status)}`}`);
}

export interface GitResult {
  status: number;
  stdout: string;
  stderr: string;
}

/** The same where another exit status than 0 is an answer too; rejects when git cannot be run or a signal ends it. */
export function tryGit(repository: Repository, args: readonly string[], input?: string): Promise<GitResult> {
  const options = { cwd: repository.path, env: { ...repository.env }, maxBuffer: OUTPUT_BYTES_MAX };
  return new Promise((resolve, reject) => {
    const child = execFile("git", gitArguments(repository, args), options, (error, stdout, stderr) => {
      const status: unknown = error === null ? 0 : error.code;
      if (error === null || typeof status === "number") resolve({ status: Number(status), stdout, stderr });
      else reject(new Error(`git ${args.join(" ")} failed: ${stderr.trim() || error.message}`, { cause: error }));
    });
    // A git that ends early says why by its exit status.
    child.stdin?.on("error", () => undefined).end(input);
  });
}
