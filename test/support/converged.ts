/** What must be so after any accident, seen from three sides: the ledger as git tells it, the platform's answers, and
 *  the processes that the machine really runs. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Dyno } from "../../src/api/resources.ts";
import { checkRepository } from "./fsck.ts";
import { must, platformClient } from "./deploy.ts";
import { poll } from "./poll.ts";
import type { TestPlatform } from "./platform.ts";

interface Release {
  version: number;
  change: string;
  code: string | undefined;
  status: string;
}

/** Newest first, read by git alone; checks that versions are gapless. */
export async function readLedger(platform: TestPlatform, app: string): Promise<Release[]> {
  const repo = repoOf(platform, app);
  const format =
    "%s%x09%(trailers:key=Change,valueonly,separator=)%x09%(trailers:key=Code,valueonly,separator=)%x09%(trailers:key=Status,valueonly,separator=)";
  const log = await must(platform, repo, "log", "--first-parent", `--format=${format}`, "refs/heads/releases");
  const releases = log.split("\n").map((line): Release => {
    const [subject = "", change = "", code = "", status = ""] = line.split("\t");
    return {
      version: Number(/^v(\d+): /.exec(subject)?.[1]),
      change,
      code: code === "" ? undefined : code,
      status,
    };
  });
  assert.equal(
    releases.map(({ version }) => version),
    releases.map((_, index) => releases.length - index),
  );
  return releases;
}

function repoOf(platform: TestPlatform, app: string): string {
  return join(platform.home, "repos", `${app}.git`);
}

/** Checks the ledger, then waits until exactly the formation of its newest succeeded release runs. Gives the version. */
export async function checkConverged(platform: TestPlatform, app: string): Promise<number> {
  const releases = await readLedger(platform, app);
  await checkRepository(platform, repoOf(platform, app));
  const current = releases.find(({ status }) => status === "succeeded");
  const deploy = releases.find(({ status, change }) => status === "succeeded" && change === "deploy");
  if (current === undefined || deploy?.code === undefined) throw new Error(`${app} was never deployed`);
  assert.is(await must(platform, repoOf(platform, app), "rev-parse", "refs/heads/main"), deploy.code);
  const listed = await platformClient(platform).releases(app, releases.length + 5);
  assert.equal(
    listed.map(({ version, commit, change, status }) => ({ version, change, code: commit ?? undefined, status })),
    releases,
  );
  const expected = await expectedProcesses(platform, app, current.version);
  await untilSame(expected, async () => listedProcesses(await platformClient(platform).dynos(app, true)));
  await untilSame(expected, () => runningProcesses(app, platform.home));
  return current.version;
}

/** `web.1 v74`, from the release's Procfile and the quantities of the state branch. */
async function expectedProcesses(platform: TestPlatform, app: string, version: number): Promise<string[]> {
  const repo = repoOf(platform, app);
  const procfile = await must(platform, repo, "show", "refs/heads/releases:Procfile");
  const state = await platform.exec("git", ["show", "refs/heroku/state:formation.json"], { cwd: repo });
  const quantities = JSON.parse(state.status === 0 ? state.stdout : "{}") as Record<string, number>;
  const types = procfile.split("\n").map((line) => line.split(":")[0] ?? "");
  return types
    .flatMap((type) =>
      Array.from(
        { length: quantities[type] ?? (type === "web" ? 1 : 0) },
        (_, index) => `${type}.${String(index + 1)}`,
      ),
    )
    .map((name) => `${name} v${String(version)}`)
    .sort();
}

function listedProcesses(dynos: Dyno[]): string[] {
  return dynos
    .filter(({ state }) => state === "up")
    .map((dyno) => `${dyno.name} v${String(dyno.extended?.release)}`)
    .sort();
}

/** Every process of the app as the machine knows it, one entry for each pid that is a session's leader. */
export async function runningProcesses(app: string, home: string): Promise<string[]> {
  const found = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    if (stat.slice(stat.lastIndexOf(")") + 2).split(" ")[3] !== pid) continue;
    const environ = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
    const env = new Map(environ.split("\0").map((pair) => pair.split(/=(.*)/s).slice(0, 2) as [string, string]));
    if (env.get("HEROKU_APP_NAME") !== app || env.get("HOME")?.startsWith(home) !== true) continue;
    found.push(`${env.get("DYNO") ?? ""} ${env.get("HEROKU_RELEASE_VERSION") ?? ""}`);
  }
  return found.sort();
}

/** Looks until it is so. A vain wait ends with what was seen last, a while before the test itself does. */
export async function untilSame<T>(expected: T, look: () => Promise<T>, patienceMs = 180_000): Promise<void> {
  const deadline = performance.now() + patienceMs;
  await poll(async () => {
    const actual = await look();
    if (JSON.stringify(actual) === JSON.stringify(expected)) return true;
    if (performance.now() > deadline) assert.equal(actual, expected);
    return undefined;
  });
}
