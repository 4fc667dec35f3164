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
export function runGit(repository: Repository, args: readonly string[]): Promise<string> {
  const options = { cwd: repository.path, env: { ...repository.env }, maxBuffer: OUTPUT_BYTES_MAX };
  return new Promise((resolve, reject) => {
    execFile("git", gitArguments(repository, args), options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`git ${args.join(" ")} failed: ${stderr.trim() || error.message}`, { cause: error }));
    });
  });
}
