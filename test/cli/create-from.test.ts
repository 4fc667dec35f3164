/** `create --from`: where app.json comes from, what a person sees of it, and what the platform is asked for. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { cli, type CliRun } from "../support/cli.ts";
import { FakePlatform } from "../support/fake-platform.ts";
import { describe, type TestContext } from "../support/suite.ts";

const APP_JSON = JSON.stringify({
  env: { A: "1", S: { generator: "secret" } },
  formation: { worker: { quantity: 2 } },
});
const SHOWN = `Config var:    A => "1"\nConfig var:    S, a secret that is made up\nFormation:     worker=2\n`;

interface Scene {
  fake: FakePlatform;
  cwd: string;
  run: (...words: string[]) => Promise<CliRun>;
  type: (typed: string, ...words: string[]) => Promise<CliRun>;
}

async function setUp(t: TestContext): Promise<Scene> {
  const directory = await t.tempDir();
  const [cwd, home] = [join(directory, "work"), join(directory, "home")];
  await mkdir(cwd);
  const fake = await FakePlatform.start(home);
  t.after(() => fake.stop());
  const env = {
    PATH: process.env["PATH"] ?? "",
    GIT_HEROKU_HOME: home,
    HOME: directory,
    NO_COLOR: "1",
    GIT_HEROKU_USER: "Ned <ned@foobazco.com>",
    GIT_CEILING_DIRECTORIES: directory,
  };
  const run = (...words: string[]): Promise<CliRun> => cli({ cwd, env }, "create", ...words);
  const type = (typed: string, ...words: string[]): Promise<CliRun> =>
    cli({ cwd, env, isTTY: true, typed }, "create", ...words);
  return { fake, cwd, run, type };
}

describe("cli create --from", (test) => {
  test("a directory: shown, asked for, and sent as one request", async (t) => {
    const { fake, cwd, run, type } = await setUp(t);
    await writeFile(join(cwd, "app.json"), APP_JSON);
    const asked = await run("foobaz", "--from", ".");
    assert.equal(asked, {
      status: 1,
      stdout: `=== app.json of .\n${SHOWN}`,
      stderr:
        " !    This is what would be made; nothing was.\n !    Run it again with --yes to make it, or with --dry-run to see it only.\n",
    });
    assert.is((await run("foobaz", "--from", ".", "--dry-run")).status, 0);
    assert.match((await type("n\n", "foobaz", "--from", ".")).stderr, "Make it? [y/N]  !    Nothing was made.");
    assert.is(fake.apps.size, 0);
    const made = await type("y\n", "foobaz", "--from", ".", "--env", "A=2");
    assert.match(made.stdout, "Config var:    A, as given\n");
    assert.match(made.stdout, "Creating foobaz... done\n");
    const sent = fake.lastChange()?.body as
      { name: string; setup: { config_vars: Record<string, string> } } | undefined;
    const { config_vars: vars = {}, ...rest } = sent?.setup ?? {};
    assert.equal([sent?.name, rest], ["foobaz", { formation: { worker: 2 }, buildpacks: [] }]);
    assert.is(vars["A"], "2");
    assert.match(vars["S"] ?? "", /^[0-9a-f]{64}$/);
  });

  test("for a program: one document, and what is said for people beside it", async (t) => {
    const { cwd, run } = await setUp(t);
    await writeFile(join(cwd, "app.json"), APP_JSON);
    const stderr = `=== app.json of .\n${SHOWN}`;
    const asked = await run("--from", ".", "--json");
    assert.equal([asked.status, asked.stdout], [1, ""]);
    const planned = await run("--from", ".", "--json", "--dry-run");
    const { config_vars, given, secrets, formation } = JSON.parse(planned.stdout) as Record<string, unknown>;
    assert.equal([planned.status, planned.stderr], [0, stderr]);
    assert.equal([config_vars, given, secrets, formation], [{ A: "1" }, [], ["S"], { worker: 2 }]);
    const made = await run("foobaz", "-n", "--from", ".", "--json", "--yes", "--env", "A=2");
    assert.is((JSON.parse(made.stdout) as { name: string }).name, "foobaz");
    assert.equal([made.status, made.stderr], [0, stderr.replace('A => "1"', "A, as given")]);
  });

  test("a git repository, by its branch", async (t) => {
    const { cwd, run } = await setUp(t);
    const code = join(cwd, "code");
    await mkdir(code);
    await writeFile(join(code, "app.json"), APP_JSON);
    const git = (...words: string[]): string =>
      execFileSync("git", ["-c", "user.name=A", "-c", "user.email=a@example.com", ...words], {
        cwd: code,
        encoding: "utf8",
      });
    git("init", "-q", "-b", "trunk");
    git("commit", "-q", "--allow-empty", "-m", "Nothing yet");
    git("checkout", "-q", "-b", "topic");
    git("add", ".");
    git("commit", "-q", "-m", "app.json");
    git("checkout", "-q", "trunk");
    const url = `file://${code}`;
    assert.is((await run("--from", `${url}#topic`, "--dry-run")).stdout, `=== app.json of ${url}#topic\n${SHOWN}`);
    assert.match((await run("--from", url, "--dry-run")).stderr, `There is no app.json in ${url}.`);
    const gone = await run("--from", `${url}-not`, "--dry-run");
    assert.equal([gone.status, /could not be cloned: .+\.\n !    Check the address/.test(gone.stderr)], [1, true]);
  });

  test("a URL of the file", async (t) => {
    const { run } = await setUp(t);
    const server = createServer((request, response) => {
      response.statusCode = request.url === "/app.json" ? 200 : 404;
      response.end(APP_JSON);
    }).listen(0, "127.0.0.1");
    t.after(() => server.close());
    await once(server, "listening");
    const base = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    assert.match((await run("--from", `${base}/app.json`, "--dry-run")).stdout, SHOWN);
    assert.match((await run("--from", `${base}/no.json`, "--dry-run")).stderr, "/no.json answered 404.");
  });

  test("options without an app.json, and words that are no variable, are usage", async (t) => {
    const { cwd, run } = await setUp(t);
    await writeFile(join(cwd, "app.json"), "{}");
    assert.is((await run("--yes")).status, 2);
    assert.is((await run("--from", ".", "--env", "=x")).status, 2);
  });
});
