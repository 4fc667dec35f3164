/** `server…` and `doctor`, with a daemon that is a real process. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, symlink, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { isListening } from "../../src/api/daemon.ts";
import type { DoctorCheck } from "../../src/api/resources.ts";
import { cli, type CliMachine, type CliRun } from "../support/cli.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { ROOT } from "../support/transcript.ts";

const DAEMON = fileURLToPath(new URL("../support/fake-daemon.js", import.meta.url));

interface Scene {
  home: string;
  machine: CliMachine;
  run: (...words: string[]) => Promise<CliRun>;
}

async function setUp(t: TestContext, env: Record<string, string> = {}): Promise<Scene> {
  const directory = await t.tempDir();
  const home = join(directory, "home");
  const machine: CliMachine = {
    cwd: directory,
    env: { GIT_HEROKU_HOME: home, HOME: directory, GIT_HEROKU_USER: "Ned <ned@foobazco.com>", ...env },
    daemonScript: DAEMON,
  };
  t.after(() => cli(machine, "server:stop"));
  return { home, machine, run: (...words) => cli(machine, ...words) };
}

const done = (stdout: string): CliRun => ({ status: 0, stdout, stderr: "" });

describe("cli server", (test) => {
  test("a command starts the daemon by itself", async (t) => {
    const { home, run } = await setUp(t);
    assert.equal(await run("apps"), done("foobaz\n"));
    assert.is(await isListening(home), true);
  });

  test("start, status, restart and stop", async (t) => {
    const { home, run } = await setUp(t);
    assert.equal(await run("server:status"), { status: 1, stdout: "The platform does not run\n", stderr: "" });
    assert.equal(JSON.parse((await run("server:status", "--json")).stdout), { running: false });
    assert.equal(await run("server:start"), done("Starting the platform... done, http://127.0.0.1:5000\n"));
    const first = (JSON.parse((await run("server:status", "--json")).stdout) as { pid: number }).pid;
    assert.equal(await run("server:start"), done(`The platform already runs (pid ${String(first)})\n`));
    assert.equal(
      await run("server:status"),
      done(
        `State:   up for 1m\nPid:     ${String(first)}\nVersion: 0.1.0\nHome:    ${home}\n` +
          "Address: http://127.0.0.1:5000\nAPI:     http://127.0.0.1:5001\nTLS:     /home/ned/.git-heroku/certificate.pem\nRouter:  port 5000, pid 4711, version 0.1.0, up for 1m\nApps:    1\nMemory:  70 MB\n",
      ),
    );
    assert.equal(await run("server:restart"), done("Restarting the platform... done, http://127.0.0.1:5000\n"));
    const second = (JSON.parse((await run("server:status", "--json")).stdout) as { pid: number }).pid;
    assert.is.not(first, second);
    assert.equal(await run("server:stop", "--apps"), done("Stopping the platform and its apps... done\n"));
    assert.throws(() => process.kill(second, 0), /ESRCH/);
    assert.equal(await run("server:stop"), done("The platform does not run\n"));
    assert.is((await run("server:status")).status, 1);
  });

  test("logs shows the platform's own log", async (t) => {
    const { home, run } = await setUp(t);
    const { status, stderr } = await run("server:logs");
    assert.equal([status, stderr], [0, ` !    ${join(home, "platform.log")} is empty or does not exist.\n`]);
    await run("server:start");
    assert.equal(await run("server:logs", "-n", "1"), done(`listening in ${home}\n`));
  });

  test("a daemon that cannot start is quoted", async (t) => {
    const { home, machine } = await setUp(t);
    const daemonScript = join(machine.cwd, "broken.cjs");
    await writeFile(daemonScript, 'console.error("no room"); process.exit(1);');
    assert.equal(await cli({ ...machine, daemonScript }, "server:start"), {
      status: 1,
      stdout: "Starting the platform... failed\n",
      stderr:
        " !    The platform could not be started: it ended with status 1.\n !    Its last words:\n !    no room\n",
    });
    assert.is(await isListening(home), false);
  });

  test("in the foreground it is ours until a signal, which it is handed", async (t) => {
    const { home, machine } = await setUp(t);
    // The built program beside our daemon, as if that were the real one.
    const bin = join(machine.cwd, "bin");
    await mkdir(bin);
    for (const file of ["git-heroku.js", "git-heroku.program.js", "package.json"]) {
      await copyFile(join(ROOT, "dist/bin", file), join(bin, file));
    }
    await writeFile(join(bin, "platformd.js"), `import(${JSON.stringify(DAEMON)});`);
    const env = { ...machine.env, PATH: process.env["PATH"] };
    const server = spawn(process.execPath, [join(bin, "git-heroku.js"), "server"], {
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    server.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    while (!output.includes("listening")) await once(server.stdout, "data");
    const again = await cli(machine, "server");
    assert.is(again.status, 1);
    assert.match(again.stderr, /already runs \(pid \d+\)/);
    server.kill("SIGTERM");
    const [status] = (await once(server, "close")) as [number | null];
    assert.is(status, 0);
    assert.is(output, `listening in ${home}\ntold to end\n`);
  });
});

describe("cli doctor", (test) => {
  test("starts the platform, and every line is ok or says what to do", async (t) => {
    const { run } = await setUp(t, { GIT_HEROKU_ROUTER_PORT: "0" });
    const { status, stdout } = await run("doctor");
    assert.is(status, 0);
    for (const line of stdout.trimEnd().split("\n")) assert.match(line, /^(ok|warning) {1,7}[\w ]+: .|^ {9}\S/);
    assert.match(stdout, /^ok {7}git: 2\.\d+/m);
    assert.match(stdout, /^ok {7}platform: 0\.1\.0 runs/m);
    assert.match(stdout, /^ok {7}ledger: 1 app, all refs sound$/m);
    const again = JSON.parse((await run("doctor", "--json")).stdout) as DoctorCheck[];
    assert.is(
      again.some(({ name }) => name.includes("port")),
      false,
    );
  });

  test("names what is missing and ends with 1", async (t) => {
    const busy = createServer();
    await new Promise<void>((resolve) => busy.listen(0, "127.0.0.1", resolve));
    t.after(() => new Promise((resolve) => void busy.close(resolve)));
    const port = String((busy.address() as AddressInfo).port);
    const { machine } = await setUp(t, {
      GIT_HEROKU_ROUTER_PORT: port,
      PATH: "/nonexistent",
    });
    const home = join(machine.cwd, "file", "home");
    await writeFile(join(machine.cwd, "file"), "");
    const { status, stdout } = await cli({ ...machine, env: { ...machine.env, GIT_HEROKU_HOME: home } }, "doctor");
    assert.is(status, 1);
    assert.match(stdout, "error    git: not found\n         Install git 2.36 or newer.\n");
    assert.match(stdout, `error    home: ${home} cannot be written\n`);
    assert.match(stdout, "warning  hooks: speak through node");
    assert.match(stdout, "warning  bash: not found");
    assert.match(stdout, `error    router port: ${port} is taken\n         Set GIT_HEROKU_ROUTER_PORT to another one`);
    assert.match(stdout, /error {4}platform: The platform's home .* cannot be made\./);
  });

  test("a port that is no port", async (t) => {
    const { machine } = await setUp(t, { GIT_HEROKU_ROUTER_PORT: "x" });
    const { stdout } = await cli(machine, "doctor");
    assert.match(stdout, "error    router port: GIT_HEROKU_ROUTER_PORT=x is no port\n");
  });

  test("an old git is too old", async (t) => {
    const { machine } = await setUp(t, { GIT_HEROKU_ROUTER_PORT: "0" });
    const bin = await t.tempDir();
    await writeFile(join(bin, "git"), "#!/bin/sh\necho git version 2.35.9\n", { mode: 0o755 });
    await symlink("/bin/sh", join(bin, "sh"));
    const run = await cli({ ...machine, env: { ...machine.env, PATH: bin } }, "doctor");
    assert.match(run.stdout, "error    git: 2.35.9 is too old\n         Install git 2.36 or newer.\n");
  });
});
