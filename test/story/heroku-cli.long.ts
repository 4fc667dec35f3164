/** Heroku's own command line against a real platform: exit status, what is printed, and the ledger afterwards. */
import * as assert from "uvu/assert";
import { deployFixture, must } from "../support/deploy.ts";
import { fetchHeroku, openHeroku, type HerokuCli } from "../support/heroku-cli.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { MISSING_TERMINAL, TestTerminal } from "../support/terminal.ts";

const { script = "", missing } = await fetchHeroku();

interface Scene {
  platform: TestPlatform;
  clone: string;
  heroku: HerokuCli;
  /** Subjects of the ledger's commits, newest first. */
  ledger: () => Promise<string[]>;
}

async function deployed(t: TestContext): Promise<Scene> {
  const platform = await startPlatform(t);
  const clone = await deployFixture(platform, "hello", "foobaz");
  const heroku = await openHeroku(t, script, { platform, cwd: clone });
  const ledger = async (): Promise<string[]> => {
    const args = ["log", "--first-parent", "--format=%s", "releases"];
    return (await must(platform, `${platform.home}/repos/foobaz.git`, ...args)).split("\n");
  };
  return { platform, clone, heroku, ledger };
}

describe("heroku's own client", (test) => {
  const common = test.shared(deployed);

  test.needing(missing, "auth:whoami, and a token that is none", async () => {
    const { heroku } = await common();
    const me = await heroku.run("auth:whoami");
    assert.equal([me.status, me.stdout], [0, "rick@foobazco.com\n"]);
    const stranger = await heroku.runIn({ env: { HEROKU_API_KEY: "git-heroku-no" } }, "auth:whoami");
    assert.is.not(stranger.status, 0);
    assert.match(stranger.stderr, "HEROKU_API_KEY");
  });

  test.needing(missing, "apps", async () => {
    const { heroku } = await common();
    const { status, stdout } = await heroku.run("apps");
    assert.is(status, 0);
    assert.match(stdout, "=== rick@foobazco.com Apps");
    assert.match(stdout, /^foobaz/m);
    const json = await heroku.run("apps", "--json");
    assert.equal(
      (JSON.parse(json.stdout) as { name: string }[]).map(({ name }) => name),
      ["foobaz"],
    );
  });

  test.needing(missing, "run: a command, its output and its status", async () => {
    const { heroku } = await common();
    const good = await heroku.run("run", "--exit-code", "--no-tty", "--", "echo $((6*7))");
    assert.equal([good.status, good.stdout], [0, "42\n"], good.stderr);
    assert.match(good.stderr, /Running .* on .*foobaz.*run\.\d+/);
    const bad = await heroku.run("run", "--exit-code", "--", "sh -c 'exit 7'");
    assert.is(bad.status, 7, bad.stderr);
  });

  test.needing(missing, "config:set makes a release, in the name of the token's owner", async () => {
    const { heroku, ledger, platform } = await common();
    const before = await ledger();
    const { status, stdout, stderr } = await heroku.run("config:set", "FOO=baz qux", "N=1");
    assert.is(status, 0, stderr);
    const [newest = "", ...older] = await ledger();
    assert.equal(older, before);
    const version = /^(v\d+): Config add FOO, N$/.exec(newest)?.[1] ?? "";
    assert.match(stderr, `Setting FOO, N and restarting foobaz... done, ${version}`);
    assert.match(stdout, /FOO: baz qux\nN: +1\n/);
    assert.is((await heroku.run("config:get", "FOO")).stdout, "baz qux\n");
    const author = await must(
      platform,
      `${platform.home}/repos/foobaz.git`,
      "log",
      "-1",
      "--format=%an <%ae>%n%B",
      "releases",
    );
    assert.match(author, /^Rick <rick@foobazco\.com>\n[^]*^Via: api$/m);
  });

  test.needing(missing, "releases, and rollback to one of them and to the one before", async () => {
    const { heroku, ledger } = await common();
    await heroku.run("config:set", "STATE=bad");
    const count = (await ledger()).length;
    const list = await heroku.run("releases", "-n", "2");
    assert.is(list.status, 0);
    assert.match(list.stdout, `=== foobaz Releases - Current: v${String(count)}\n`);
    assert.match(list.stdout, "Config add STATE");
    assert.not.match(list.stdout, "Initial release");
    const back = await heroku.run("rollback", "v2");
    assert.is(back.status, 0, back.stderr);
    assert.match(back.stderr, `Rolling back foobaz to v2... done, v${String(count + 1)}`);
    assert.is((await ledger())[0], `v${String(count + 1)}: Rollback to v2`);
    const again = await heroku.run("rollback");
    assert.is(again.status, 0, again.stderr);
    assert.is((await ledger())[0], `v${String(count + 2)}: Rollback to v${String(count)}`);
    const json = JSON.parse((await heroku.run("releases", "--json")).stdout) as { version: number; current: boolean }[];
    assert.equal(
      json.map(({ version }) => version),
      Array.from({ length: count + 2 }, (_, index) => count + 2 - index),
    );
    assert.equal(
      json.filter(({ current }) => current).map(({ version }) => version),
      [count + 2],
    );
  });

  test.needing(missing, "an app that is not there: exit 2, with the platform's words", async () => {
    const { heroku } = await common();
    const { status, stderr } = await heroku.run("releases", "-a", "nosuch");
    assert.is(status, 2);
    assert.match(stderr, "Couldn't find that app.");
    assert.match(stderr, "Error ID: not_found");
  });

  test.needing(
    missing ?? MISSING_TERMINAL,
    "login -i: a token is the password, and logout takes back what it made",
    async (t) => {
      const { heroku, platform, clone } = await common();
      const { HEROKU_API_KEY: token = "", ...env } = { ...heroku.env, HEROKU_NETRC_WRITE: "true" };
      const args = ["--no-deprecation", script, "login", "-i"];
      const terminal = await TestTerminal.open(t, {
        command: process.execPath,
        args,
        cwd: clone,
        env,
        columns: 80,
        rows: 24,
      });
      await terminal.until("Email");
      terminal.type("rick@foobazco.com\r");
      await terminal.until("Password");
      terminal.type(`${token}\r`);
      await terminal.until("Logged in as");
      assert.is(await terminal.ended, 0);
      const stored = { env: { HEROKU_API_KEY: "", HEROKU_NETRC_WRITE: "true" } };
      assert.is((await heroku.runIn(stored, "auth:whoami")).stdout, "rick@foobazco.com\n");
      const made = (await heroku.runIn(stored, "auth:token")).stdout.trim();
      assert.match(made, /^git-heroku-/);
      assert.is.not(made, token);
      assert.match((await heroku.runIn(stored, "releases")).stdout, "=== foobaz Releases");
      const tokens = async (): Promise<number> =>
        (JSON.parse(await must(platform, platform.dir, "heroku", "tokens", "--json")) as unknown[]).length;
      const before = await tokens();
      assert.is((await heroku.runIn(stored, "logout")).status, 0);
      assert.is(await tokens(), before - 1);
    },
  );

  test.needing(missing, "nothing of the person's own is touched, and logging out revokes the token", async () => {
    const { heroku, platform } = await common();
    assert.is((await heroku.run("logout")).status, 0);
    assert.is(await must(platform, platform.dir, "heroku", "tokens", "--json"), "[]");
  });
}, 300_000);
