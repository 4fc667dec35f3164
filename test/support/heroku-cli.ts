/** Heroku's own command line as a subprocess against a platform of the test. It is no dependency: 395 MB, fetched by npm when a
 *  long test first asks, into a cache beside npm's own, and used again from there. */
import { execFile } from "node:child_process";
import { access, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { startCheckingProxy, type CheckingProxy } from "./checking-proxy.ts";
import type { ExecResult, TestPlatform } from "./platform.ts";
import type { TestContext } from "./suite.ts";

const run = promisify(execFile);
const VERSION = "11.10.0";
const NAME = `heroku-${VERSION}`;
const FETCH_TIMEOUT_MS = 15 * 60_000;

export interface HerokuProgram {
  script: string | undefined;
  /** What a test that needs it has to name; undefined when it is there. */
  missing: string | undefined;
}

export interface HerokuCli {
  /** What it runs with: all that `git heroku heroku-env` says, and nothing of this machine's. */
  env: Record<string, string>;
  /** Never rejects. */
  run: (...words: string[]) => Promise<ExecResult>;
  /** What it has been answered. */
  proxy: CheckingProxy;
  /** With more in the environment, or another directory. */
  runIn: (place: { cwd?: string; env?: Record<string, string> }, ...words: string[]) => Promise<ExecResult>;
}

/** In the cache, or missing. */
export async function findHeroku(): Promise<HerokuProgram> {
  const script = scriptIn(join(cacheDirectory(), NAME));
  const missing = `heroku@${VERSION} in ${cacheDirectory()}: npm run test:long -- heroku-cli fetches it`;
  return access(script).then(
    () => ({ script, missing: undefined }),
    () => ({ script: undefined, missing }),
  );
}

/** In the cache, or brought there. Two who fetch at once do no harm: the one that is later throws its own away. */
export async function fetchHeroku(): Promise<HerokuProgram> {
  const found = await findHeroku();
  if (found.script !== undefined) return found;
  await mkdir(cacheDirectory(), { recursive: true });
  const directory = await mkdtemp(join(cacheDirectory(), `${NAME}.fetching-`));
  try {
    const options = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"];
    await run("npm", ["install", "--prefix", directory, ...options, `heroku@${VERSION}`], {
      timeout: FETCH_TIMEOUT_MS,
    });
    await rename(directory, join(cacheDirectory(), NAME)).catch(() => undefined);
    return await findHeroku();
  } catch (error) {
    return { script: undefined, missing: `heroku@${VERSION} from npm: ${(error as Error).message.slice(0, 200)}` };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Pointed at an app by what `git heroku heroku-env` prints, read by a shell, but through a proxy that checks all answers.
 *  @param place where it runs unless told otherwise, such as a clone */
export async function openHeroku(
  t: TestContext,
  script: string,
  { platform, cwd }: { platform: TestPlatform; cwd: string },
): Promise<HerokuCli> {
  const told = await herokuEnvironment(platform, cwd);
  const { HEROKU_HOST: url = "", HEROKU_API_KEY: token = "" } = told;
  const proxy = await startCheckingProxy(t, { url, token });
  const through = (value: string): string => value.replace(new URL(url).host, new URL(proxy.url).host);
  const env = Object.fromEntries(Object.entries(told).map(([name, value]) => [name, through(value)]));
  const runIn: HerokuCli["runIn"] = async (place, ...words) => {
    const ended = await platform.exec(process.execPath, ["--no-deprecation", script, ...words], {
      cwd: place.cwd ?? cwd,
      env: { ...env, ...place.env },
    });
    checkAnswered(proxy, words);
    return ended;
  };
  return { env, proxy, runIn, run: (...words) => runIn({}, ...words) };
}

/** To be called after each command of the client. */
export function checkAnswered({ wrong }: CheckingProxy, words: readonly string[]): void {
  const faults = wrong.splice(0);
  if (faults.length > 0)
    throw new Error(`heroku ${words.join(" ")} was answered against the schema:\n${faults.join("\n")}`);
}

/** What it needs to speak to this platform. */
export async function herokuEnvironment(platform: TestPlatform, cwd: string): Promise<Record<string, string>> {
  const home = platform.env["HOME"] ?? "";
  await mkdir(join(home, ".cache", "heroku"), { recursive: true });
  // Otherwise its first command has a notice on standard error.
  await writeFile(join(home, ".cache", "heroku", "terms-of-service"), "");
  const printed = await platform.exec("sh", ["-c", 'eval "$(git heroku heroku-env)" && env -0'], { cwd });
  if (printed.status !== 0 || !printed.stdout.includes("HEROKU_API_KEY=")) throw new Error(printed.stderr);
  return Object.fromEntries(
    printed.stdout
      .split("\0")
      .filter((line) => line.includes("="))
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)] as const),
  );
}

function scriptIn(directory: string): string {
  return join(directory, "node_modules", "heroku", "bin", "run.js");
}

function cacheDirectory(): string {
  return join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "git-heroku-tests");
}
