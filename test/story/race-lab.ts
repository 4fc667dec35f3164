/** Many change one app at once: commands, clients of the API, and pushes of two people. What was acknowledged is in the
 *  ledger, once and in order; who lost was told; and the config is what the order of the ledger says. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { PlatformClient } from "../../src/api/platform-client.ts";
import { checkRepository } from "../support/fsck.ts";
import { deployFixture, must, platformClient } from "../support/deploy.ts";
import { readLedger } from "../support/converged.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";
import type { TestContext } from "../support/suite.ts";

type Config = Record<string, string | null>;

/** What a release did, as the one who asked for it knows. */
type Change = { set: Config } | { rollbackTo: number } | { pushed: string };

export interface RaceSize {
  /** Each of two runs so many commands, one after the other. */
  commands: number;
  /** Each of two clients of the API makes so many calls. */
  calls: number;
  /** Each of two people pushes so many commits. */
  pushes: number;
}

/** What the one is told who was not first: by git, or by the platform, with what to do. */
const LOSERS = [
  /! \[rejected\] +main -> main \((fetch first|non-fast-forward)\)\n[^]*hint: .*git pull/,
  /main moved while this push was waiting\.[^]*Fetch, look[^]*! \[remote rejected\] main -> main \(branch moved\)/,
];

class Race {
  readonly platform: TestPlatform;
  readonly client: PlatformClient;
  readonly acknowledged = new Map<number, Change>();
  /** What those were told that lost. */
  readonly lost: string[] = [];

  constructor(platform: TestPlatform) {
    this.platform = platform;
    this.client = platformClient(platform);
  }

  acknowledge(version: number | undefined, change: Change): void {
    assert.ok(version !== undefined && version > 2, `${JSON.stringify(change)} made no release`);
    assert.is(this.acknowledged.has(version ?? 0), false, `v${String(version)} was told twice`);
    this.acknowledged.set(version ?? 0, change);
  }

  async runCommands(name: string, count: number): Promise<void> {
    for (let n = 1; n <= count; n += 1) {
      const set: Config = { [`${name}_${String(n)}`]: String(n), SHARED: `${name} ${String(n)}` };
      const pairs = Object.entries(set).map(([key, value]) => `${key}=${String(value)}`);
      const result = await this.platform.exec("git", ["heroku", "config:add", ...pairs, "--app", "hello"]);
      assert.is(result.status, 0, result.stderr);
      this.acknowledge(Number(/v(\d+)/.exec(result.stdout)?.[1]), { set });
    }
  }

  async callApi(name: string, count: number): Promise<void> {
    for (let n = 1; n <= count; n += 1) {
      if (n % 7 === 0) {
        const to = Math.max(2, ...this.acknowledged.keys()) - 1;
        const release = await this.client.rollback("hello", Math.max(2, to));
        this.acknowledge(release.version, { rollbackTo: Math.max(2, to) });
        continue;
      }
      const set: Config = { [`${name}_${String(n)}`]: String(n), SHARED: `${name} ${String(n)}` };
      if (n % 3 === 0) set[`${name}_${String(n - 1)}`] = null;
      this.acknowledge(await this.client.changeConfig("hello", set), { set });
    }
  }

  /** Each tries again, upon what won, until it has won. */
  async push(clone: string, name: string, count: number): Promise<void> {
    for (let n = 1; n <= count; n += 1) {
      await must(this.platform, clone, "commit", "-q", "--allow-empty", "-m", `${name} ${String(n)}`);
      for (;;) {
        const result = await this.platform.exec("git", ["push", "production", "main"], { cwd: clone });
        if (result.status === 0) {
          const pushed = await must(this.platform, clone, "rev-parse", "HEAD");
          this.acknowledge(Number(/done, v(\d+)/.exec(result.stderr)?.[1]), { pushed });
          break;
        }
        assert.is(result.status, 1);
        this.lost.push(result.stderr);
        await must(this.platform, clone, "pull", "-q", "--rebase", "production", "main");
      }
    }
  }
}

/** Resolves with how many changes were made. */
export async function race(t: TestContext, size: RaceSize): Promise<number> {
  const platform = await startPlatform(t);
  const clone = await deployFixture(platform, "hello");
  await must(platform, clone, "heroku", "scale", "web=0");
  const other = join(platform.dir, "other");
  await must(platform, platform.dir, "clone", "-q", clone, other);
  await must(platform, other, "heroku", "remote", "--app", "hello");
  const run = new Race(platform);
  await Promise.all([
    run.runCommands("NED", size.commands),
    run.runCommands("KATE", size.commands),
    run.callApi("ANN", size.calls),
    run.callApi("BOB", size.calls),
    run.push(clone, "ned", size.pushes),
    run.push(other, "kate", size.pushes),
  ]);
  await checkRace(run, size);
  return run.acknowledged.size;
}

async function checkRace(run: Race, size: RaceSize): Promise<void> {
  const { platform, acknowledged, lost } = run;
  const releases = (await readLedger(platform, "hello")).toReversed();
  assert.is(acknowledged.size, 2 * (size.commands + size.calls + size.pushes));
  assert.is(releases.length, 2 + acknowledged.size, "a release that nobody was told of");
  for (const message of lost)
    assert.ok(
      LOSERS.some((words) => words.test(message)),
      message,
    );
  const configs: Config[] = [{}, {}, {}];
  for (const { version, change, code } of releases.slice(2)) {
    const what = acknowledged.get(version);
    if (what === undefined) throw new Error(`Nobody was told of v${String(version)}.`);
    assert.is(change, "set" in what ? "config" : "pushed" in what ? "deploy" : "rollback");
    if ("pushed" in what) assert.is(code, what.pushed);
    const before = "rollbackTo" in what ? configs[what.rollbackTo] : configs[version - 1];
    configs[version] = { ...before, ...("set" in what ? what.set : {}) };
  }
  const final = Object.entries(configs.at(-1) ?? {}).filter(([, value]) => value !== null);
  assert.equal(sorted(await run.client.config("hello")), sorted(Object.fromEntries(final) as Record<string, string>));
  const repo = join(platform.home, "repos/hello.git");
  await checkRepository(platform, repo);
  const deploy = releases.findLast(({ change }) => change === "deploy");
  assert.is(await must(platform, repo, "rev-parse", "refs/heads/main"), deploy?.code);
}

function sorted(config: Record<string, string>): [string, string][] {
  return Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1));
}
