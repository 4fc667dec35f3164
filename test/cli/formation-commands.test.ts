/** `ps:wait`, `ps:limits` and `ps --watch`, against a real HTTP server that answers from memory. */
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Dyno, LimitsItem } from "../../src/api/resources.ts";
import { cli, type CliRun } from "../support/cli.ts";
import { FakePlatform } from "../support/fake-platform.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { makeStage } from "../support/transcript.ts";

interface Scene {
  fake: FakePlatform;
  run: (...words: string[]) => Promise<CliRun>;
}

async function setUp(t: TestContext): Promise<Scene> {
  const directory = await t.tempDir();
  const fake = await FakePlatform.start(directory);
  t.after(() => fake.stop());
  fake.addApp("foobaz");
  const machine = { cwd: directory, env: { GIT_HEROKU_HOME: directory, GIT_HEROKU_USER: "Ned <ned@foobazco.com>" } };
  return { fake, run: (...words) => cli(machine, ...words, "-a", "foobaz") };
}

function dyno(name: string, state: string, version: number): Dyno {
  const [type = ""] = name.split(".");
  const release = { id: `release-${String(version)}`, version };
  return { id: name, name, type, command: `run ${type}`, state, release, updated_at: "2011-06-19T08:36:15Z" };
}

const done = (stdout: string): CliRun => ({ status: 0, stdout, stderr: "" });

describe("cli ps:wait", (test) => {
  test("asks once, and says what is up", async (t) => {
    const { fake, run } = await setUp(t);
    fake.override = () => ({ body: { status: "up", version: 7, dynos: [dyno("web.1", "up", 7)] } });
    assert.equal(await run("ps:wait"), done("Waiting for processes of foobaz... done, 1 up in v7\n"));
    const typed = await run("ps:wait", "-t", "web", "-R", "-w", "10", "--timeout", "2m");
    assert.equal(typed, done("Waiting for web processes of foobaz... done, 1 up in v7\n"));
    assert.equal(
      fake.asked.map(({ url }) => url.replace("/apps/foobaz/dynos/actions/wait?", "")),
      ["with_run=false&timeout=300", "with_run=true&timeout=120&type=web"],
    );
    assert.is((await run("ps:wait", "--json")).status, 0);
  });

  test("fails with what has crashed, or with what is missing", async (t) => {
    const { fake, run } = await setUp(t);
    const dynos = [dyno("web.1", "crashed", 7), dyno("web.2", "starting", 7), dyno("worker.1", "up", 6)];
    fake.override = () => ({ body: { status: "crashed", version: 7, dynos } });
    assert.equal(await run("ps:wait"), {
      status: 1,
      stdout: "Waiting for processes of foobaz... failed\n",
      stderr: " !    web.1 crashed in v7.\n !    `git heroku logs --ps web.1` has the last words.\n",
    });
    assert.is((await run("ps:wait", "--json")).status, 1);
    fake.override = () => ({ body: { status: "timeout", version: 7, dynos: dynos.slice(1) } });
    assert.match((await run("ps:wait")).stderr, "The time is over: web.2 is starting in v7, worker.1 is up in v6.");
    fake.override = () => ({ body: { status: "timeout", version: 7, dynos: [] } });
    assert.match((await run("ps:wait")).stderr, "The time is over: v7 was not launched.");
    for (const text of ["", "5", "2d", "99999h"]) {
      assert.is((await run("ps:wait", "--timeout", text)).status, 2, text);
    }
  });
});

describe("cli ps:limits", (test) => {
  test("lists and sets", async (t) => {
    const { fake, run } = await setUp(t);
    const web: LimitsItem = { type: "web", memory: "512MB", open_files: "4096", processes: null };
    const worker: LimitsItem = { type: "worker", memory: null, open_files: null, processes: null };
    fake.override = ({ method, url }) => {
      if (method === "GET") return { body: [web, worker] };
      return { body: url.endsWith("/web") ? web : worker };
    };
    const table =
      "Type          Memory    Open files  Processes\n------------  --------  ----------  ---------\n" +
      "web           512MB     4096        none\n";
    assert.equal(await run("ps:limits"), done(`${table}worker        none      none        none\n`));
    assert.equal(await run("ps:limits", "web"), done(table));
    assert.equal(JSON.parse((await run("ps:limits", "worker", "--json")).stdout), [worker]);
    const set = await run("ps:limits", "web", "--memory", "512MB", "--open-files", "4096", "--processes", "none");
    assert.equal(set, done("Limiting web processes... done, now memory 512MB, open files 4096\n"));
    const { method, url, body } = fake.asked.at(-1) ?? {};
    assert.equal([method, url], ["PATCH", "/apps/foobaz/limits/web"]);
    assert.equal(body, { memory: "512MB", open_files: "4096", processes: null });
    const removed = await run("ps:limits", "worker", "--memory", "none");
    assert.equal(removed, done("Limiting worker processes... done, now without limits\n"));
  });

  test("refuses what does not fit before it asks", async (t) => {
    const { fake, run } = await setUp(t);
    assert.match((await run("ps:limits", "web", "--memory", "512")).stderr, "Write it like 512MB");
    assert.is((await run("ps:limits", "--memory", "512MB")).status, 2);
    assert.is(fake.asked.length, 0);
    fake.override = () => ({ body: [] });
    assert.match((await run("ps:limits", "wbe")).stderr, 'foobaz has no process type "wbe".');
    assert.equal(await run("ps:limits"), done("foobaz has no process types until its first deploy\n"));
  });
});

const script = spawnSync("script", ["--version"]).status === 0 ? undefined : "script, of util-linux";

describe("cli ps --watch", (test) => {
  test("without a terminal says what else there is", async (t) => {
    const { run } = await setUp(t);
    const { status, stderr } = await run("ps", "--watch");
    assert.is(status, 1);
    assert.match(stderr, " !    --watch needs a terminal to draw on.\n !    `git heroku ps --json`");
  });

  test.needing(script, "draws over itself, and gives the terminal back when Ctrl-C is pressed", async (t) => {
    const directory = await t.tempDir();
    const fake = await FakePlatform.start(join(directory, "platform"));
    t.after(() => fake.stop());
    fake.addApp("foobaz").dynos = [dyno("web.1", "up", 2)];
    const { env, cwd } = await makeStage(directory, { GIT_HEROKU_HOME: fake.home, TERM: "xterm" });
    const command = "stty cols 30; git-heroku ps --watch --app foobaz";
    const child = spawn("script", ["-qec", command, "/dev/null"], { cwd, env, stdio: ["pipe", "pipe", "inherit"] });
    let shown = "";
    for await (const text of child.stdout.setEncoding("utf8") as AsyncIterable<string>) {
      shown += text;
      // The second picture, or a later one; the terminal makes a signal of the key.
      if (shown.split("\u001b[H").length >= 3 && !child.stdin.writableEnded) child.stdin.end("\u0003");
    }
    const [before = "", first = "", ...others] = shown.split("\u001b[H");
    const last = others.at(-1) ?? "";
    assert.is(before, "\u001b[?1049h\u001b[?25l\u001b[2J");
    const [, , row = ""] = first.split("\r\n");
    assert.match(row, /^web\.1 {9}up for \d+h +\u001b\[K/);
    const pictureEnd = last.indexOf("\u001b[J");
    assert.match(last.slice(0, pictureEnd), "web.1");
    assert.match(last.slice(pictureEnd), /^\u001b\[J(\^C)?\u001b\[\?25h\u001b\[\?1049lProcess /);
    assert.match(shown, /run web\r\n$/);
  });
});
