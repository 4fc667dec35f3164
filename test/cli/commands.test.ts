/** Every command's good and bad way, against a real HTTP server that answers from memory. Output is compared whole. */
import { execFileSync } from "node:child_process";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { cli, type CliMachine, type CliRun } from "../support/cli.ts";
import { FakePlatform, Refusal, type FakeApp } from "../support/fake-platform.ts";
import { describe, type TestContext } from "../support/suite.ts";

interface Scene {
  fake: FakePlatform;
  foobaz: FakeApp;
  machine: CliMachine;
  git: (...args: string[]) => string;
  run: (...words: string[]) => Promise<CliRun>;
}

/** A platform with the app foobaz and a clone whose remote production leads to it. */
async function setUp(t: TestContext): Promise<Scene> {
  const directory = await t.tempDir();
  const [cwd, home] = [join(directory, "work"), join(directory, "home")];
  await mkdir(cwd);
  const fake = await FakePlatform.start(home);
  t.after(() => fake.stop());
  const foobaz = fake.addApp("foobaz");
  const env = {
    GIT_HEROKU_HOME: home,
    HOME: directory,
    GIT_HEROKU_USER: "Ned <ned@foobazco.com>",
    GIT_CEILING_DIRECTORIES: directory,
  };
  const gitEnv = { PATH: process.env["PATH"], ...env, GIT_CONFIG_NOSYSTEM: "1" };
  const git = (...args: string[]): string => execFileSync("git", args, { cwd, env: gitEnv, encoding: "utf8" });
  git("init", "-q", "-b", "main");
  git("config", "remote.production.url", foobaz.app.git_url);
  const machine = { env, cwd };
  return { fake, foobaz, machine, git, run: (...words) => cli(machine, ...words) };
}

const done = (stdout: string): CliRun => ({ status: 0, stdout, stderr: "" });
const refused = (...lines: string[]): CliRun => ({
  status: 1,
  stdout: "",
  stderr: lines.map((line) => ` !    ${line}\n`).join(""),
});

describe("cli create, apps, info, open, remote, destroy", (test) => {
  test("create makes the app and the remote", async (t) => {
    const { fake, git, run } = await setUp(t);
    git("config", "--remove-section", "remote.production");
    const path = join(fake.home, "repos", "foobar.git");
    assert.equal(
      await run("create", "foobar"),
      done(`Creating foobar... done\nhttp://foobar.localhost:5000/ | ${path}\nGit remote production added\n`),
    );
    assert.is(git("config", "remote.production.url"), `${path}\n`);
    assert.is(fake.lastChange()?.headers["git-heroku-user"], "Ned <ned@foobazco.com>");
  });

  test("create without a remote, and for programs", async (t) => {
    const { fake, git, run } = await setUp(t);
    const remotes = git("remote");
    const path = join(fake.home, "repos", "foobar.git");
    assert.equal(
      await run("create", "foobar", "--no-remote"),
      done(`Creating foobar... done\nhttp://foobar.localhost:5000/ | ${path}\n`),
    );
    const made: unknown = JSON.parse((await run("create", "other", "-n", "--json")).stdout);
    assert.equal(made, fake.apps.get("other")?.app);
    assert.is(git("remote"), remotes);
  });

  test("create without a name prints the name that was made up, and takes another remote", async (t) => {
    const { fake, run } = await setUp(t);
    const { stdout } = await run("apps:create", "--remote", "staging");
    const path = join(fake.home, "repos", "calm-river-40721.git");
    assert.is(
      stdout,
      `Creating calm-river-40721... done\nhttp://calm-river-40721.localhost:5000/ | ${path}\nGit remote staging added\n`,
    );
  });

  test("create outside a clone makes the app and says what is missing", async (t) => {
    const { machine, fake } = await setUp(t);
    const run = await cli({ ...machine, cwd: machine.env["HOME"] ?? "" }, "create", "foobar");
    assert.is(run.status, 0);
    assert.is(run.stdout.split("\n")[2], "No git remote added: this directory is not inside a git clone");
    assert.is(run.stderr, " !    In a clone, run: git heroku remote --app foobar\n");
    assert.is(fake.apps.has("foobar"), true);
  });

  test("create refuses before anything is made: a bad name, a remote that is taken", async (t) => {
    const { run, fake, foobaz } = await setUp(t);
    assert.is((await run("create", "Foo")).status, 1);
    assert.equal(
      await run("create", "foobar"),
      refused(
        `The remote production already exists and leads to ${foobaz.app.git_url}.`,
        "Choose another name with --remote NAME.",
      ),
    );
    assert.equal(fake.asked, []);
  });

  test("create says failed and why when the platform refuses", async (t) => {
    const { run } = await setUp(t);
    assert.equal(await run("create", "foobaz", "-r", "other"), {
      status: 1,
      stdout: "Creating foobaz... failed\n",
      stderr: " !    Name foobaz is already taken.\n",
    });
  });

  test("create warns of a branch called releases", async (t) => {
    const { run, git } = await setUp(t);
    git("-c", "user.name=N", "-c", "user.email=n@x", "commit", "-q", "--allow-empty", "-m", "x");
    git("branch", "releases");
    const { status, stderr } = await run("create", "foobar", "--remote", "staging");
    assert.is(status, 0);
    assert.match(stderr, "branch called releases, which hides the ledger staging/releases");
  });

  test("apps lists names, or JSON", async (t) => {
    const { run, fake } = await setUp(t);
    fake.addApp("alpha");
    assert.equal(await run("apps"), done("alpha\nfoobaz\n"));
    assert.is((JSON.parse((await run("apps:list", "-j")).stdout) as unknown[]).length, 2);
    fake.apps.clear();
    assert.match((await run("apps")).stderr, "There are no apps yet.");
    assert.is((await run("apps", "--json")).stdout, "[]\n");
  });

  test("info tells about the app", async (t) => {
    const { run, foobaz } = await setUp(t);
    foobaz.app.slug_size = 3 * 1024 * 1024;
    assert.equal(
      await run("info"),
      done(
        "=== foobaz\n" +
          "Web URL:       http://foobaz.localhost:5000/\n" +
          `Git URL:       ${foobaz.app.git_url}\n` +
          "Owner:         ned@foobazco.com\n" +
          "Created:       2011-06-18T08:21:37Z\n" +
          "Released:      never\n" +
          "Slug size:     3.0 MB\n" +
          "Disk use:      4.3MB: slugs 4.0MB, repository 220K, logs 40K\n" +
          "Maintenance:   off\n",
      ),
    );
    assert.equal(JSON.parse((await run("apps:info", "--json")).stdout), { ...foobaz.app, disk: foobaz.disk });
    assert.equal(
      await run("info", "-a", "nobody"),
      refused("Couldn't find that app.", "List the apps with `git heroku apps`."),
    );
  });

  test("info and destroy take the app as a word too, as Heroku's do", async (t) => {
    const { run, fake } = await setUp(t);
    fake.addApp("other");
    assert.match((await run("info", "other")).stdout, /^=== other\n/);
    assert.match((await run("apps:destroy", "other", "--confirm", "foobaz")).stderr, "The app is called other");
    const both = await run("destroy", "other", "-a", "foobaz", "--confirm", "foobaz");
    assert.is(both.status, 2);
    assert.match(both.stderr, "Which one: other or foobaz?");
    assert.is(fake.apps.size, 2);
    assert.equal(await run("destroy", "other", "-c", "other"), done("Destroying other... done\n"));
  });

  test("open starts a browser with the address, and prints it when it cannot", async (t) => {
    const { machine } = await setUp(t);
    const bin = await t.tempDir();
    const git = execFileSync("sh", ["-c", "command -v git"], { encoding: "utf8" }).trim();
    await writeFile(join(bin, "git"), `#!/bin/sh\nexec ${git} "$@"\n`);
    await chmod(join(bin, "git"), 0o755);
    const without = { ...machine, env: { ...machine.env, PATH: bin } };
    assert.is((await cli(without, "open")).status, 1);
    for (const name of ["xdg-open", "open"]) {
      await writeFile(join(bin, name), `#!/bin/sh\necho "$1" >${join(bin, "opened")}\n`, { mode: 0o755 });
    }
    assert.equal(await cli(without, "open", "/admin"), done("Opening http://foobaz.localhost:5000/admin\n"));
    assert.is(await readFile(join(bin, "opened"), "utf8"), "http://foobaz.localhost:5000/admin\n");
  });

  test("remote adds, exchanges and repairs, but never takes what is not an app", async (t) => {
    const { run, git, fake, machine } = await setUp(t);
    const other = fake.addApp("other");
    assert.equal(await run("remote"), done("Git remote production updated\n"));
    assert.match(git("config", "remote.production.receivepack"), "GIT_HEROKU_USER");
    assert.equal(await run("remote", "-a", "other"), done("Git remote production updated\n"));
    assert.is(git("config", "remote.production.url"), `${other.app.git_url}\n`);
    git("remote", "add", "origin", "https://example.com/x.git");
    assert.is((await run("remote", "-a", "other", "-r", "origin")).status, 1);
    const outside = await cli({ ...machine, cwd: machine.env["HOME"] ?? "" }, "remote", "-a", "other");
    assert.match(outside.stderr, "not inside a git clone");
  });

  test("destroy wants the name, and takes the remotes along", async (t) => {
    const { run, git, fake, machine } = await setUp(t);
    const unconfirmed = refused(
      "This destroys foobaz, its releases, its config and its logs.",
      "Run it with --confirm foobaz",
    );
    assert.equal(await run("destroy"), unconfirmed);
    assert.is(
      (await run("destroy", "--confirm", "other")).stderr.split("\n")[0],
      " !    The app is called foobaz, not other.",
    );
    assert.match((await cli({ ...machine, isTTY: true, typed: "fobaz\n" }, "destroy")).stderr, "nothing was destroyed");
    assert.is(fake.apps.size, 1);
    assert.equal(
      await run("destroy", "--confirm", "foobaz"),
      done("Destroying foobaz... done\nGit remote production removed\n"),
    );
    assert.is(git("remote"), "");
    assert.is(fake.apps.size, 0);
  });

  test("destroy asks on a terminal", async (t) => {
    const { fake, machine } = await setUp(t);
    assert.is((await cli({ ...machine, isTTY: true, typed: "foobaz\n" }, "destroy")).status, 0);
    assert.is(fake.apps.size, 0);
  });
});

describe("cli in the words of Heroku's scripts", (test) => {
  test("keys --long prints the keys, a line each", async (t) => {
    const { fake, run } = await setUp(t);
    const key = {
      id: "1",
      fingerprint: "SHA256:x",
      email: "kate@foobazco.com",
      comment: "kate@laptop",
      created_at: "",
    };
    const lines = ["ssh-ed25519 AAAA kate@laptop", "ssh-rsa BBBB"];
    fake.override = ({ url }) =>
      url === "/account/keys" ? { body: lines.map((line) => ({ ...key, public_key: line })) } : undefined;
    for (const option of ["-l", "--long"]) assert.equal(await run("keys", option), done(`${lines.join("\n")}\n`));
    assert.match((await run("keys")).stdout, "SHA256:x  kate@foobazco.com  ssh-ed25519  kate@laptop\n");
  });

  test("webhooks:deliveries --status asks for those alone", async (t) => {
    const { fake, run } = await setUp(t);
    fake.override = ({ url }) => (url.includes("/webhook-deliveries") ? { body: [] } : undefined);
    assert.equal(await run("webhooks:deliveries", "-s", "failed"), done(""));
    assert.is(fake.asked.at(-1)?.url, "/apps/foobaz/webhook-deliveries?eq%5Bstatus%5D=failed");
    const { status, stderr } = await run("webhooks:deliveries", "--status", "lost");
    assert.is(status, 2);
    assert.match(stderr, '--status is one of pending, retrying, succeeded, failed, not "lost".');
  });

  test("run:detached takes a type, and needs a command", async (t) => {
    const { fake, run } = await setUp(t);
    const dyno = { id: "d", name: "run.1", updated_at: "2011-06-19T08:35:19Z" };
    fake.override = ({ method, url }) =>
      method === "POST" && url === "/apps/foobaz/dynos" ? { status: 201, body: dyno } : undefined;
    const { status } = await run("run:detached", "--type", "worker", "--no-launcher", "--", "--once");
    assert.is(status, 0);
    assert.is((fake.lastChange()?.body as { command: string } | undefined)?.command, "worker --once");
    for (const words of [[], ["--tail", "--json", "true"]]) assert.is((await run("run:detached", ...words)).status, 2);
  });
});

describe("cli config, maintenance", (test) => {
  test("config:add echoes, restarts and tells the release", async (t) => {
    const { run, fake, foobaz } = await setUp(t);
    for (let version = 2; version <= 10; version += 1) fake.addRelease(foobaz, "Config add X");
    assert.equal(
      await run("config:add", "FOO=baz"),
      done("Adding config vars:\n  FOO => baz\nRestarting app... done, v11\n"),
    );
    assert.equal(await run("config:set", "LONG=a=b", "B=", "--", "-x=1").then(({ status }) => status), 1);
    assert.equal(
      await run("config:set", "LONG=a=b", "B="),
      done("Adding config vars:\n  B    => \n  LONG => a=b\nRestarting app... done, v12\n"),
    );
    assert.equal(foobaz.config, { FOO: "baz", LONG: "a=b", B: "" });
  });

  test("config:add of what is there makes no release and says so", async (t) => {
    const { run, foobaz } = await setUp(t);
    foobaz.config = { FOO: "baz" };
    assert.equal(
      await run("config:add", "FOO=baz"),
      done("Adding config vars:\n  FOO => baz\nRestarting app... not needed, nothing changed\n"),
    );
    assert.is(foobaz.releases.length, 1);
  });

  test("config:add refuses what is malformed or reserved before it says anything", async (t) => {
    const { run, fake } = await setUp(t);
    assert.equal(await run("config:add", "FOO"), {
      status: 1,
      stdout: "",
      stderr:
        " !    FOO is invalid. Must be in the format FOO=bar.\n !    For example: git heroku config:add FOO=bar\n",
    });
    assert.is((await run("config:add")).status, 2);
    assert.is((await run("config:add", "PORT=1")).status, 1);
    assert.is((await run("config:add", "=x")).status, 1);
    assert.equal(fake.asked, []);
  });

  test("config:remove removes and tells the release", async (t) => {
    const { run, foobaz } = await setUp(t);
    foobaz.config = { FOO: "1", BAR: "2", KEPT: "3" };
    assert.equal(
      await run("config:remove", "FOO", "BAR"),
      done("Removing config vars:\n  BAR\n  FOO\nRestarting app... done, v2\n"),
    );
    assert.equal(foobaz.config, { KEPT: "3" });
    assert.match((await run("config:unset", "FOO")).stdout, "not needed, nothing changed");
    assert.is((await run("config:unset", "FOO=1")).status, 2);
  });

  test("config lists for people, shells and programs", async (t) => {
    const { run, foobaz } = await setUp(t);
    assert.equal(await run("config"), done("foobaz has no config vars\n"));
    foobaz.config = { FOO: "b z", LONG: "1" };
    assert.equal(await run("config"), done("FOO  => b z\nLONG => 1\n"));
    assert.equal(await run("config", "--shell"), done("FOO='b z'\nLONG=1\n"));
    assert.equal(await run("config", "--json"), done('{\n  "FOO": "b z",\n  "LONG": "1"\n}\n'));
  });

  test("config:get prints the bare value", async (t) => {
    const { run, foobaz } = await setUp(t);
    foobaz.config = { FOO: "two\nlines" };
    assert.equal(await run("config:get", "FOO"), done("two\nlines\n"));
    assert.equal(await run("config:get", "FOO", "-s"), done("FOO='two\nlines'\n"));
    assert.equal(await run("config:get", "BAR"), done("\n"));
    assert.equal(await run("config:get", "BAR", "FOO"), done("\ntwo\nlines\n"));
    assert.equal(JSON.parse((await run("config:get", "FOO", "--json")).stdout), { key: "FOO", value: "two\nlines" });
    assert.equal(JSON.parse((await run("config:get", "BAR", "FOO", "-j")).stdout), [
      { key: "BAR", value: null },
      { key: "FOO", value: "two\nlines" },
    ]);
    assert.equal(await run("config:get", "constructor"), done("\n"));
  });

  test("maintenance is told and switched", async (t) => {
    const { run } = await setUp(t);
    assert.equal(await run("maintenance"), done("off\n"));
    assert.equal(await run("maintenance:on"), done("Maintenance mode enabled.\n"));
    assert.equal(await run("maintenance"), done("on\n"));
    assert.equal(await run("maintenance", "--json"), done('{\n  "maintenance": true\n}\n'));
    assert.equal(await run("maintenance:off"), done("Maintenance mode disabled.\n"));
    assert.is((await run("maintenance:on", "-a", "nobody")).status, 1);
  });
});

describe("cli releases, rollback", (test) => {
  test("releases prints the table of 2011", async (t) => {
    const { run, fake, foobaz } = await setUp(t);
    fake.addRelease(foobaz, "Deploy 20a5742 of a long story", { status: "failed" });
    fake.addRelease(foobaz, "Deploy d706b4a", { created_at: "2011-06-17T08:35:19Z" });
    assert.equal(
      await run("releases"),
      done(
        "Rel   Change                          By                    When\n" +
          "----  ----------------------          ----------            ----------\n" +
          "v3    Deploy d706b4a                  ned@foobazco.com      2011-06-17T08:35:19Z\n" +
          "v2    Deploy 20a5742 of a.. (failed)  ned@foobazco.com      1 minute ago\n" +
          "v1    Initial release                 ned@foobazco.com      1 minute ago\n",
      ),
    );
    assert.is((await run("releases", "-n", "1")).stdout.split("\n").length, 4);
    assert.is((JSON.parse((await run("releases", "--json", "-n1")).stdout) as unknown[]).length, 1);
    for (const number of ["0", "-1", "x", "1e3"]) assert.is((await run("releases", "-n", number)).status, 2);
  });

  test("releases:info shows one release and its config", async (t) => {
    const { run, fake, foobaz } = await setUp(t);
    foobaz.config = { FOO: "baz" };
    fake.addRelease(foobaz, "Deploy d706b4a", { commit: "d706b4a0000000000000000000000000000000000" });
    const { stdout } = await run("releases:info");
    assert.is(
      stdout,
      "=== Release v2\n" +
        "Change:        Deploy d706b4a\n" +
        "By:            ned@foobazco.com\n" +
        "When:          1 minute ago\n" +
        "Via:           local\n" +
        "Status:        succeeded, current\n" +
        "Commit:        d706b4a0000000000000000000000000000000000\n" +
        "Process types: none\n" +
        "Config vars:   FOO\n" +
        "Add-ons:       none\n" +
        "Rollback:      possible\n",
    );
    assert.match((await run("releases:info", "v1")).stdout, /Rollback: +not possible\n$/);
    assert.equal(await run("releases:info", "v1", "-s"), done("FOO=baz\n"));
    const json = JSON.parse((await run("releases:info", "2", "--json")).stdout) as Record<string, unknown>;
    assert.equal([json["version"], json["config_names"]], [2, ["FOO"]]);
    assert.equal(await run("releases:info", "v9"), refused("Couldn't find that release."));
    assert.is((await run("releases:info", "newest")).status, 1);
  });

  test("rollback names its target and its release", async (t) => {
    const { run, fake, foobaz } = await setUp(t);
    for (let version = 2; version <= 74; version += 1) fake.addRelease(foobaz, "Deploy d706b4a");
    assert.equal(await run("rollback"), done("-----> Rolling back to v73... done, v75\n"));
    assert.equal(fake.lastChange()?.body, {});
    assert.equal(await run("releases:rollback", "V73"), done("-----> Rolling back to v73... done, v76\n"));
    assert.equal(fake.lastChange()?.body, { release: "73" });
    assert.equal(await run("rollback", "99"), {
      status: 1,
      stdout: "-----> Rolling back to v99... failed\n",
      stderr: " !    Couldn't find that release.\n",
    });
  });

  test("rollback without a target that fails still ends its line", async (t) => {
    const { run, fake } = await setUp(t);
    fake.override = ({ method }) => {
      if (method === "POST") throw new Refusal(422, { id: "invalid_params", message: "There is no earlier release." });
      return undefined;
    };
    assert.equal(await run("rollback"), {
      status: 1,
      stdout: "-----> Rolling back... failed\n",
      stderr: " !    There is no earlier release.\n",
    });
  });

  test("a release command: its output is shown as it comes, and its failure is no success", async (t) => {
    const { run, fake, foobaz } = await setUp(t);
    const refused = { id: "release_failed", message: "Release command failed: exit status 1.", hint: "See it." };
    let last: object = { result: fake.addRelease(foobaz, "Rollback to v1"), release: 2 };
    fake.override = ({ method, headers }, response) => {
      if (method === "GET") return undefined;
      assert.match(headers.accept ?? "", "application/x-ndjson");
      response.writeHead(200, { "content-type": "application/x-ndjson" });
      const lines = [{ output: "-----> Running\n       mig" }, { output: "rating\n" }, last];
      response.end(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
      return undefined;
    };
    const shown = "-----> Rolling back to v1...\n-----> Running\n       migrating\n-----> Rolling back to v1...";
    assert.equal(await run("rollback", "v1"), { status: 0, stdout: `${shown} done, v2\n`, stderr: "" });
    last = { error: refused };
    assert.equal(await run("rollback", "v1"), {
      status: 1,
      stdout: `${shown} failed\n`,
      stderr: " !    Release command failed: exit status 1.\n !    See it.\n",
    });
    // The platform died on the way.
    last = {};
    assert.match((await run("config:add", "A=1")).stderr, "The platform stopped before it answered.");
  });
});
