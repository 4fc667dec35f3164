/** Several people on one platform over HTTP: each fetches, pushes and asks with a token of their own, and everything that they
 *  do carries their name, whatever they say of themselves. */
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { TokenItem } from "../../src/api/token-resources.ts";
import { cloneFixture, must, untilUp } from "../support/deploy.ts";
import { borrowPlatform, startPlatform } from "../support/platform.ts";
import { AT_GATE, commitChange, commitGate, startGit } from "../support/push.ts";
import { poll } from "../support/poll.ts";
import { describe } from "../support/suite.ts";
import { apiOf, colleague, logIn } from "./team-lab.ts";

describe("team over HTTP", (test) => {
  const common = test.shared(startPlatform);

  test("two people push, roll back, scale and follow logs under their names; to a third there is no app", async (t) => {
    const platform = await borrowPlatform(t, common);
    const api = await apiOf(platform);
    const [kate, ned, eve] = [
      await colleague(platform, "kate"),
      await colleague(platform, "ned"),
      await colleague(platform, "eve"),
    ];
    for (const who of [kate, ned, eve]) {
      const done = await logIn(platform, who, api);
      assert.equal([done.status, done.stdout], [0, `Logged in as ${who.email}\n`], done.stderr);
    }
    const clone = await cloneFixture(platform, "foobaz");
    const created = await kate.must(clone, "heroku", "create", "foobaz", "--server", api);
    assert.match(created, `| ${api}/foobaz.git\nGit remote production added`);
    const pushed = await kate.git(clone, "push", "production", "main");
    assert.is(pushed.status, 0, pushed.stderr);
    assert.match(pushed.stderr, "remote: -----> Launching... done, v2");

    const added = await kate.must(clone, "heroku", "access:add", ned.email, "--permissions", "deploy,operate");
    assert.is(added, `Adding ${ned.email} access to the app foobaz with view, deploy, operate permissions... done`);
    const neds = join(ned.dir, "foobaz");
    await ned.must(ned.dir, "clone", "-q", "-o", "production", `${api}/foobaz.git`);
    await ned.must(neds, "heroku", "remote", "--app", "foobaz", "--server", api);
    assert.is(await ned.must(neds, "heroku", "whoami"), ned.email);
    assert.is(await kate.must(kate.dir, "heroku", "whoami", "--server", api), kate.email);
    await ned.must(neds, "commit", "-q", "--allow-empty", "-m", "Neds", "--author", "Kate <kate@foobazco.com>");
    const second = await platform.exec("git", ["push", "-q", "production", "main"], {
      cwd: neds,
      env: {
        ...ned.env,
        GIT_HEROKU_USER: "Kate <kate@foobazco.com>",
        GIT_HEROKU_VIA: "ssh",
        GIT_CONFIG_PARAMETERS: "",
      },
    });
    assert.is(second.status, 0, second.stderr);
    assert.match(await kate.must(clone, "heroku", "rollback"), "done, v4");
    assert.match(await ned.must(neds, "heroku", "scale", "worker=0"), "Scaling worker processes... done");
    assert.match(await ned.must(neds, "heroku", "config:add", "MODE=set"), "done, v5");
    await untilUp(platform, "foobaz", 1);
    await ned.must(neds, "heroku", "restart");
    const run = await ned.must(neds, "heroku", "run", "--no-tty", "echo", "here");
    assert.match(run, "here");
    assert.is((await ned.git(neds, "heroku", "access:add", "x@y", "-p", "view")).status, 1);

    const authors = await must(
      platform,
      join(platform.home, "repos/foobaz.git"),
      "log",
      "--reverse",
      "--first-parent",
      "--format=%ae %(trailers:key=Via,valueonly,separator=)",
      "releases",
    );
    assert.equal(authors.split("\n"), [
      `${kate.email} api`,
      `${kate.email} http`,
      `${ned.email} http`,
      `${kate.email} api`,
      `${ned.email} api`,
    ]);
    const lines = await kate.must(clone, "heroku", "logs", "--ps", "api", "-n", "50");
    for (const line of [
      `Deploy ${(await must(platform, neds, "rev-parse", "--short=7", "main")).trim()} by ${ned.email}`,
      `Rollback to v2 by ${kate.email}`,
      `Scale to worker=0 by ${ned.email}`,
      `Run \`echo here\` by ${ned.email}`,
    ]) {
      assert.match(lines, line);
    }
    assert.not.match(lines, "mallory");

    await ned.must(neds, "heroku", "settings:set", "push-size=1MB");
    await writeFile(join(neds, "large"), randomBytes(1_500_000));
    await ned.must(neds, "add", "large");
    await ned.must(neds, "commit", "-q", "-m", "Large");
    const large = await ned.git(neds, "push", "production", "main");
    assert.is(large.status, 1);
    assert.match(large.stderr, "pack exceeds maximum allowed size");

    const strange = await eve.git(eve.dir, "clone", `${api}/foobaz.git`);
    assert.match(strange.stderr, `repository '${api}/foobaz.git/' not found`);
    const absent = await eve.git(eve.dir, "clone", `${api}/nosuch.git`);
    assert.is(strange.stderr.replaceAll("foobaz", "nosuch"), absent.stderr);
    await eve.must(eve.dir, "init", "-q");
    await eve.must(eve.dir, "remote", "add", "production", `${api}/foobaz.git`);
    for (const command of [["ps"], ["logs"], ["access"], ["rollback"], ["destroy", "--confirm", "foobaz"]]) {
      const refused = await eve.git(eve.dir, "heroku", ...command);
      assert.equal([refused.status, refused.stderr.split("\n")[0]], [1, " !    Couldn't find that app."]);
    }
    assert.is(await eve.must(eve.dir, "heroku", "apps"), "");

    assert.is(await ned.must(neds, "heroku", "logout"), `Logged out of ${api}`);
    const gone = await ned.git(neds, "push", "production", "main");
    assert.is(gone.status, 128);
    assert.match((await ned.git(neds, "heroku", "ps")).stderr, "There were no credentials");
  });

  test("a stolen token is good for nothing once it is revoked, its push included; who leaves during a build has pushed", async (t) => {
    const platform = await borrowPlatform(t, common);
    const api = await apiOf(platform);
    const kate = await colleague(platform, "kate");
    await logIn(platform, kate, api);
    const clone = await cloneFixture(platform, "gated");
    await kate.must(clone, "heroku", "create", "gated", "--server", api);
    const gate = await commitGate(platform, clone, "kates");
    const push = startGit(platform, clone, ["push", "production", "main"], kate.env);
    await push.shows(AT_GATE);
    process.kill(-push.pid, "SIGINT");
    await push.left;
    await gate.open();
    const client = async (): Promise<string> =>
      must(platform, platform.dir, "heroku", "releases", "--app", "gated", "--json");
    await poll(async () => ((JSON.parse(await client()) as unknown[]).length === 2 ? true : undefined));

    const tokens = JSON.parse(await must(platform, platform.dir, "heroku", "tokens", "--json")) as TokenItem[];
    await commitGate(platform, clone, "never-opened");
    const before = await kate.git(clone, "ls-remote", "production");
    assert.is(before.status, 0, before.stderr);
    const stolen = startGit(platform, clone, ["push", "production", "main"], kate.env);
    await stolen.shows(AT_GATE);
    for (const { id, user } of tokens) {
      if (user.email === kate.email) await must(platform, platform.dir, "heroku", "tokens:revoke", id);
    }
    const { status, stderr } = await stolen.ended;
    assert.is(status, 1, stderr);
    assert.match(stderr, "Your token was revoked, or has expired.");
    assert.match(stderr, "main -> main (not allowed any more)");
    const builds = await must(platform, platform.dir, "heroku", "builds", "--app", "gated", "--json");
    const [ended] = JSON.parse(builds) as { status: string }[];
    assert.is(ended?.status, "failed");
    assert.match(
      await must(platform, platform.dir, "heroku", "logs", "--app", "gated", "--ps", "api"),
      /Push of [0-9a-f]{7} by kate@foobazco\.com ended: Your token was revoked/,
    );
    await commitChange(platform, clone, "stolen");
    const refused = await kate.git(clone, "push", "production", "main");
    assert.is(refused.status, 128);
    assert.match(refused.stderr, "Authentication failed");
    assert.is((JSON.parse(await client()) as unknown[]).length, 2);
  });
});
