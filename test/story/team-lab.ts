/** People who work on a platform from elsewhere: each with a home of their own, and nothing of the platform's but a token. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ExecResult, TestPlatform } from "../support/platform.ts";

export interface Colleague {
  email: string;
  token: string;
  /** A directory for clones. */
  dir: string;
  env: Record<string, string>;
  /** Runs git. Never rejects. */
  git(cwd: string, ...args: string[]): Promise<ExecResult>;
  /** Runs git, which must succeed; gives what it says on standard output. */
  must(cwd: string, ...args: string[]): Promise<string>;
}

export async function apiOf(platform: TestPlatform): Promise<string> {
  const { api } = JSON.parse(await readFile(join(platform.home, "server.json"), "utf8")) as { api: string };
  return api;
}

/** What git would write into a commit of theirs is somebody else's name. */
export async function colleague(platform: TestPlatform, name: string): Promise<Colleague> {
  const email = `${name}@foobazco.com`;
  const dir = join(platform.dir, name);
  await mkdir(join(dir, "home"), { recursive: true });
  await writeFile(
    join(dir, "home", ".gitconfig"),
    "[user]\n\tname = Mallory\n\temail = mallory@elsewhere.org\n[credential]\n\thelper = store\n[advice]\n\tdetachedHead = false\n",
  );
  const env = { HOME: join(dir, "home"), GIT_HEROKU_HOME: join(dir, "home", "none"), GIT_TERMINAL_PROMPT: "0" };
  const made = await platform.exec("git", ["heroku", "tokens:create", "--for", `${name} <${email}>`]);
  const git: Colleague["git"] = (cwd, ...args) => platform.exec("git", args, { cwd, env });
  return {
    email,
    token: made.stdout.trim(),
    dir,
    env,
    git,
    async must(cwd, ...args) {
      const result = await git(cwd, ...args);
      if (result.status !== 0) throw new Error(`git ${args.join(" ")}: ${result.stderr}${result.stdout}`);
      return result.stdout.trim();
    },
  };
}

/** `git heroku login`, with the token on standard input. */
export function logIn(platform: TestPlatform, who: Colleague, url: string): Promise<ExecResult> {
  const words = 'printf "%s\\n" "$TOKEN" | git heroku login "$0"';
  return platform.exec("sh", ["-c", words, url], { cwd: who.dir, env: { ...who.env, TOKEN: who.token } });
}
