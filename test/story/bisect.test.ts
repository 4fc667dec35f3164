/** releases:bisect by the hand of a user, over real releases: the culprit is a change of config or a deploy. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { ReleaseDiff } from "../../src/api/history-resources.ts";
import type { BisectItem } from "../../src/api/resources.ts";
import { makeBisectApp, spoilConfig } from "../support/bisect-app.ts";
import { untilSame } from "../support/converged.ts";
import { must, platformClient, untilState } from "../support/deploy.ts";
import { makeGate } from "../support/gate.ts";
import { borrowPlatform, startPlatform, type ExecResult, type TestPlatform } from "../support/platform.ts";
import { startGit } from "../support/push.ts";
import { describe } from "../support/suite.ts";
import { ROOT, runTranscript } from "../support/transcript.ts";

function bisect(platform: TestPlatform, clone: string, ...words: string[]): Promise<ExecResult> {
  return platform.exec("git", ["heroku", "releases:bisect", ...words], { cwd: clone });
}

function bisectJson({ stdout }: ExecResult): BisectItem & { diff: ReleaseDiff | null } {
  return JSON.parse(stdout) as BisectItem & { diff: ReleaseDiff | null };
}

/** How many one-off processes the log tells of. */
async function countRuns(platform: TestPlatform, clone: string): Promise<number> {
  const log = await must(platform, clone, "heroku", "logs", "-n", "1000", "--ps", "run", "--source", "heroku");
  return log.split("Starting process with command").length - 1;
}

describe("bisect", (test) => {
  const common = test.shared(startPlatform);

  test("a session: a change of config is the culprit, and all that can be typed wrong", async (t) => {
    const platform = await borrowPlatform(t, common);
    const app = await makeBisectApp(platform, "foobaz");
    await spoilConfig(app);
    await runTranscript(join(ROOT, "test/transcripts/bisect.txt"), { cwd: app.clone, env: platform.env });
  });

  test("a deploy is the culprit; what cannot tell is skipped, and a copy is not tried again", async (t) => {
    const platform = await borrowPlatform(t, common);
    const app = await makeBisectApp(platform, "foobaz");
    await app.deploy(3, "Words");
    await app.config({ CANNOT_TELL: "yes" });
    await app.config({ CANNOT_TELL: null });
    await must(platform, app.clone, "heroku", "rollback", "v3");
    await app.config({ COLOUR: "blue" });
    await app.deploy(4, "The wrong price");
    await app.config({ SIZE: "xl" });
    await app.deploy(4, "More words");
    await app.config({ COLOUR: "red" });
    const found = bisectJson(await bisect(platform, app.clone, "v3", "v12", "--json", "--", "check"));
    assert.equal([found.status, found.first_bad?.version, found.before], ["found", 9, 8]);
    assert.is(found.first_bad?.change, "deploy");
    // The rollback in v7 had taken the words back as well.
    assert.equal(
      found.diff?.commits.added.map(({ subject }) => subject),
      ["The wrong price", "Words"],
    );
    // v7 is a copy of v3, which was found good; v5 cannot tell.
    assert.not(found.verdicts.some(({ version }) => version === 7 || version === 5));
    assert.is(await countRuns(platform, app.clone), found.verdicts.length);
    assert.ok(found.verdicts.length <= 6, JSON.stringify(found.verdicts));
  });

  test.long("skips right before the culprit leave it open, and the exit status says so", async (t) => {
    const platform = await borrowPlatform(t, common);
    const app = await makeBisectApp(platform, "foobaz");
    await app.config({ CANNOT_TELL: "yes" });
    await app.config({ RATE: "2" });
    await app.config({ CANNOT_TELL: null });
    const { status, stdout } = await bisect(platform, app.clone, "v3", "--", "check");
    assert.is(status, 1);
    assert.match(stdout, "skipped, exit status 125\n");
    const lines = stdout.trimEnd().split("\n").slice(-4);
    assert.match(lines[0] ?? "", "The first bad release could be any of:");
    assert.equal(lines.slice(1), [
      "v4 (Config add CANNOT_TELL)",
      "v5 (Config add RATE)",
      "v6 (Config remove CANNOT_TELL)",
    ]);
  });

  test.long("a probe that is not finished in time is skipped", async (t) => {
    const platform = await borrowPlatform(t, common);
    const app = await makeBisectApp(platform, "foobaz");
    await app.config({ HANGS: "yes" });
    await app.config({ HANGS: null, RATE: "2" });
    const command = 'test -z "$HANGS" || exec sleep 60; exec node check.js';
    const result = bisectJson(await bisect(platform, app.clone, "v3", "--timeout", "8s", "--json", "--", command));
    assert.is(result.status, "undecided");
    const skipped = result.verdicts.find(({ version }) => version === 4);
    assert.equal([skipped?.verdict, skipped?.reason], ["skip", "not finished within 8 seconds"]);
  });

  test("after a kill of the daemon the probe under way is counted once, and nothing is tried again", async (t) => {
    const platform = await borrowPlatform(t, common);
    const app = await makeBisectApp(platform, "foobaz");
    await spoilConfig(app);
    const gate = makeGate(platform, "eighth");
    const command = `test "$HEROKU_RELEASE_VERSION" != v8 || until [ -e ${gate.path} ]; do sleep 0.02; done; exec node check.js`;
    const client = startGit(platform, app.clone, ["heroku", "releases:bisect", "v3", "v13", "--", command]);
    await client.shows("v8 (Config add COLOUR)...");
    await untilState(platform, "foobaz", "up", 1);
    await platform.kill();
    const { status, stderr } = await client.ended;
    assert.is(status, 1);
    assert.match(stderr, "`git heroku releases:bisect` goes on with it.");
    await platform.start();
    // Another one is refused, and nothing of this one is lost.
    const other = await bisect(platform, app.clone, "v4", "--", "true");
    assert.equal([other.status, other.stdout], [1, ""]);
    assert.match(other.stderr, "A bisection of foobaz, v3 to v13, is under way already.");
    const before = await platformClient(platform).bisect("foobaz");
    assert.equal(
      before.verdicts.map(({ version }) => version),
      [3, 13],
    );
    await gate.open();
    const { stdout } = await bisect(platform, app.clone);
    assert.match(stdout, "v8 (Config add COLOUR)... good\n");
    assert.match(stdout, "v9 is the first bad release\n");
    const after = await platformClient(platform).bisect("foobaz");
    assert.is(await countRuns(platform, app.clone), after.verdicts.length);
    assert.not.match(await readFile(join(platform.home, "apps/foobaz/bisect.json"), "utf8"), /blue|green/);
  });

  test("a probe that ends while no daemon runs counts, and Ctrl-C of the client costs nothing", async (t) => {
    const platform = await borrowPlatform(t, common);
    const app = await makeBisectApp(platform, "foobaz");
    await app.config({ RATE: "2" });
    await app.config({ COLOUR: "blue" });
    const gate = makeGate(platform, "probe");
    const command = `until [ -e ${gate.path} ]; do sleep 0.02; done; exec node check.js`;
    const client = startGit(platform, app.clone, ["heroku", "releases:bisect", "v3", "v5", "--", command]);
    await client.shows("v3 (Config add RATE)...");
    await untilState(platform, "foobaz", "up", 1);
    process.kill(-client.pid, "SIGINT");
    await client.left;
    const [probe] = await platformClient(platform).dynos("foobaz", true);
    await platform.kill();
    await gate.open();
    await untilSame(true, () => hasEnded(probe?.extended?.pid ?? 0));
    await platform.start();
    const found = bisectJson(await bisect(platform, app.clone, "--resume", "--json"));
    assert.equal([found.first_bad?.version, found.verdicts[0]?.verdict], [4, "good"]);
    assert.is(await countRuns(platform, app.clone), 3);
  });

  test.long("a probe that somebody stops is no verdict, and --reset ends one", async (t) => {
    const platform = await borrowPlatform(t, common);
    const app = await makeBisectApp(platform, "foobaz");
    await app.config({ RATE: "2" });
    const client = startGit(platform, app.clone, ["heroku", "releases:bisect", "v3", "--", "exec sleep 60"]);
    const names = async (): Promise<string[]> =>
      (await platformClient(platform).dynos("foobaz")).map(({ name }) => name);
    await untilSame(["run.1"], names);
    await must(platform, app.clone, "heroku", "ps:stop", "run.1");
    const { status, stderr } = await client.ended;
    assert.is(status, 1);
    assert.match(stderr, "The probe of v3 was stopped");
    assert.equal((await platformClient(platform).bisect("foobaz")).verdicts, []);
    const again = startGit(platform, app.clone, ["heroku", "releases:bisect"]);
    await untilSame(["run.2"], names);
    await must(platform, app.clone, "heroku", "releases:bisect", "--reset");
    assert.is((await again.ended).status, 1);
    await untilSame([], names);
    const gone = await bisect(platform, app.clone);
    assert.match(gone.stderr, "No bisection of foobaz is under way.");
  });

  test.long("a probe that is stopped with its app is no verdict", async (t) => {
    const platform = await borrowPlatform(t, common);
    const app = await makeBisectApp(platform, "foobaz");
    await app.config({ RATE: "2" });
    const client = startGit(platform, app.clone, ["heroku", "releases:bisect", "v3", "--", "exec sleep 60"]);
    await untilState(platform, "foobaz", "up", 1);
    await must(platform, app.clone, "heroku", "server:stop", "--apps");
    assert.is((await client.ended).status, 1);
    await platform.start();
    assert.equal((await platformClient(platform).bisect("foobaz")).verdicts, []);
  });
});

async function hasEnded(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${String(pid)}/stat`, "utf8").catch(() => "");
  return stat === "" || /\) Z /.test(stat);
}
