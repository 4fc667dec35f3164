/** Starting a daemon, with small real programs in its place. */
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { daemonEnvironment, isListening, readLog, startDaemon } from "../../src/api/daemon.ts";
import { findHome } from "../../src/api/home.ts";
import { refuses } from "../support/assert.ts";
import { poll } from "../support/poll.ts";
import { describe, type TestContext } from "../support/suite.ts";

const ENV = {
  PATH: process.env["PATH"],
  HOME: "/home/ned",
  SECRET: "x",
  GIT_HEROKU_ROUTER_PORT: "0",
  GIT_HEROKU_USER: "x",
};

/** Listens on the home's socket, writes its pid and environment, and ends when it is told to. */
const LISTENS = `
const { createServer } = require("node:net");
const { writeFileSync } = require("node:fs");
writeFileSync("seen.json", JSON.stringify({ pid: process.pid, env: process.env, cwd: process.cwd() }));
console.log("ready");
createServer((socket) => socket.on("data", () => process.exit(0)).on("error", () => {})).listen("server.sock");
`;

async function makeProgram(t: TestContext, source: string): Promise<{ home: string; script: string; env: typeof ENV }> {
  const directory = await t.tempDir();
  const script = join(directory, "daemon.cjs");
  await writeFile(script, source);
  return { home: join(directory, "home"), script, env: ENV };
}

interface Seen {
  pid: number;
  env: Record<string, string>;
  cwd: string;
}

async function endOf(t: TestContext, home: string): Promise<Seen> {
  const text = await poll(async () => (await readFile(join(home, "seen.json"), "utf8").catch(() => "")) || undefined);
  const seen = JSON.parse(text) as Seen;
  t.after(() => process.kill(seen.pid, "SIGKILL"));
  return seen;
}

describe("daemon", (test) => {
  test("starts it in its home, away from the terminal, with an environment of its own", async (t) => {
    const program = await makeProgram(t, LISTENS);
    await startDaemon(program);
    const { pid, env, cwd } = await endOf(t, program.home);
    assert.is(await isListening(program.home), true);
    assert.is(cwd, program.home);
    assert.is((await stat(program.home)).mode & 0o777, 0o700);
    assert.is(await readFile(join(program.home, "platform.log"), "utf8"), "ready\n");
    const session = (await readFile(`/proc/${String(pid)}/stat`, "utf8")).split(" ")[5];
    assert.is(session, String(pid));
    assert.equal(
      [env["GIT_HEROKU_HOME"], env["GIT_HEROKU_ROUTER_PORT"], env["SECRET"], env["GIT_HEROKU_USER"]],
      [program.home, "0", undefined, undefined],
    );
  });

  test("one that ends at once is quoted, and only its last words of this time", async (t) => {
    const program = await makeProgram(t, 'console.error("port 5000 is taken"); process.exit(3);');
    await refuses("unavailable", () => startDaemon(program));
    await writeFile(join(program.home, "platform.log"), "old words\n");
    const error = await refuses("unavailable", () => startDaemon(program));
    assert.is(error.message, "The platform could not be started: it ended with status 3.");
    assert.is(error.hint, "Its last words:\nport 5000 is taken");
  });

  test("one that loses the race against another is no failure", async (t) => {
    const program = await makeProgram(t, LISTENS);
    const loser = join(program.home, "..", "loser.cjs");
    const winnerIsLate = `require("node:child_process").spawn(process.execPath, [${JSON.stringify(program.script)}], { detached: true, stdio: "ignore" }).unref(); process.exitCode = 75;`;
    await writeFile(loser, winnerIsLate);
    await startDaemon({ ...program, script: loser });
    await endOf(t, program.home);
    assert.is(await isListening(program.home), true);
  });

  test("one that never listens is given up after the time limit", async (t) => {
    const program = await makeProgram(
      t,
      'require("node:fs").writeFileSync("seen.json", JSON.stringify({ pid: process.pid })); setInterval(() => {}, 1000);',
    );
    const error = await refuses("unavailable", () => startDaemon({ ...program, timeoutMs: 500 }));
    assert.match(error.message, "did not answer in time");
    await endOf(t, program.home);
  });

  test("a home that cannot be made is refused with a hint", async (t) => {
    const directory = await t.tempDir();
    await writeFile(join(directory, "file"), "");
    const error = await refuses("unavailable", () =>
      startDaemon({ home: join(directory, "file", "home"), script: "x", env: ENV }),
    );
    assert.match(error.hint ?? "", "GIT_HEROKU_HOME");
  });

  test("the home is GIT_HEROKU_HOME, made absolute, else in the person's own", () => {
    assert.is(findHome({ GIT_HEROKU_HOME: "here", HOME: "/h" }, "/desk"), "/desk/here");
    assert.is(findHome({ GIT_HEROKU_HOME: "", HOME: "/h" }, "/work"), "/h/.git-heroku");
  });

  test("the environment is picked by name", () => {
    const env = daemonEnvironment(
      {
        ...ENV,
        GIT_HEROKU_PASSPHRASE: "s",
        https_proxy: "p",
        npm_config_registry: "r",
        AWS_SECRET: "s",
        NODE_OPTIONS: "--inspect",
      },
      "/h",
    );
    assert.equal(Object.keys(env).sort(), [
      "GIT_HEROKU_HOME",
      "GIT_HEROKU_ROUTER_PORT",
      "HOME",
      "PATH",
      "https_proxy",
      "npm_config_registry",
    ]);
  });

  test("reads the last lines of its log", async (t) => {
    const home = await t.tempDir();
    assert.is(await readLog(home, { from: 0, lines: 5, bytesMax: 100 }), "");
    await writeFile(join(home, "platform.log"), "a\nb\nc\n");
    assert.is(await readLog(home, { from: 0, lines: 2, bytesMax: 100 }), "b\nc\n");
  });
});
