/** Where the platform lives on this machine. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";

export type Environment = Readonly<Record<string, string | undefined>>;

/** `$GIT_HEROKU_HOME`, else `~/.git-heroku`; always absolute. */
export function findHome(env: Environment, cwd: string): string {
  const chosen = env["GIT_HEROKU_HOME"] ?? "";
  if (chosen !== "") return resolve(cwd, chosen);
  return join(env["HOME"] ?? homedir(), ".git-heroku");
}
