/** The daemon's life: started by whoever needs it, stopped and restarted under apps that run on, and no trace of one that
 *  was killed. */
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { checkConverged, runningProcesses, untilSame } from "../support/converged.ts";
import { deployFixture, must, platformClient, untilUp } from "../support/deploy.ts";
import { get, getUntil } from "../support/http.ts";
import { processesOf, startPlatform, type TestPlatform } from "../support/platform.ts";
import { commitChange, startGit } from "../support/push.ts";
import { describe } from "../support/suite.ts";

function isThere(platform: TestPlatform, file: string): Promise<boolean> {
  return access(join(platform.home, file)).then(
    () => true,
    () => false,
  );
}

async function serverFile(platform: TestPlatform): Promise<{ pid: number; router: string; version: string }> {
  return JSON.parse(await readFile(join(platform.home, "server.json"), "utf8")) as {
    pid: number;
    router: string;
    version: string;
  };
}

async function pidsOf(platform: TestPlatform, app: string): Promise<(number | null | undefined)[]> {
  return (await platformClient(platform).dynos(app, true)).map((dyno) => dyno.extended?.pid);
}

describe("daemon", (test) => {
  test("a push and a command start a killed daemon", async (t) => {
    const platform = await startPlatform(t);
    const clone = await deployFixture(platform, "foobaz");
    await untilUp(platform, "foobaz", 1);
    const { pid, routerPort } = platform;
    await platform.kill();
    // What the dead daemon left is there, and nobody behind it.
    for (const file of ["server.sock", "server.json", "git/reg.sock"]) assert.ok(await isThere(platform, file), file);
    const status = await platform.exec("git", ["heroku", "server:status"]);
    assert.is(status.stderr, "");
    assert.match(status.stdout, /^The platform does not run\nRouter: {2}serves on, port \d+, /);
    assert.is(status.status, 1);
    await commitChange(platform, clone, "while it was dead");
    const push = await platform.exec("git", ["push", "production", "main"], { cwd: clone });
    assert.is(push.status, 0, push.stderr);
    assert.match(push.stderr, "Launching... done, v3");
    const second = await serverFile(platform);
    assert.is.not(second.pid, pid);
    assert.is(second.router, `http://127.0.0.1:${String(routerPort)}`);
    assert.match((await getUntil(routerPort, "foobaz", "at v3")).body, "hello");

    process.kill(second.pid, "SIGKILL");
    await untilSame(true, async () => !(await processesOf(platform.home)).some(({ pid: one }) => one === second.pid));
    assert.match(await must(platform, clone, "heroku", "ps"), /^web\.1 +up for/m);
    const third = await serverFile(platform);
    assert.is.not(third.pid, second.pid);
    assert.equal(Object.keys(third), ["pid", "router", "api", "version"]);
    assert.is(third.version, (JSON.parse(await readFile("package.json", "utf8")) as { version: string }).version);
    assert.is(await checkConverged(platform, "foobaz"), 3);
  });

  test("server:status, :stop, :start, :restart, :logs; apps run on unless --apps", async (t) => {
    const platform = await startPlatform(t);
    const clone = await deployFixture(platform, "foobaz");
    await untilUp(platform, "foobaz", 1);
    const pids = await pidsOf(platform, "foobaz");
    const server = (...words: string[]): Promise<string> => must(platform, clone, "heroku", ...words);

    assert.match(await server("server:status"), new RegExp(`^Pid: +${String(platform.pid)}$`, "m"));
    assert.is(await server("server:start"), `The platform already runs (pid ${String(platform.pid)})`);
    assert.is(await server("server:stop"), "Stopping the platform... done");
    assert.is(await server("server:stop"), "The platform does not run");
    for (const file of ["server.json", "server.sock"]) assert.not.ok(await isThere(platform, file), file);
    assert.equal(await runningProcesses("foobaz", platform.home), ["web.1 v2"]);
    assert.is(
      await server("server:start"),
      `Starting the platform... done, http://127.0.0.1:${String(platform.routerPort)}`,
    );
    await getUntil(platform.routerPort, "foobaz", "at v2");
    const { pid } = await serverFile(platform);
    await server("server:restart");
    assert.is.not((await serverFile(platform)).pid, pid);
    await getUntil(platform.routerPort, "foobaz", "at v2");
    assert.equal(await pidsOf(platform, "foobaz"), pids);
    assert.match(await server("server:logs", "-n", "6"), /stopping, apps run on\n.* stopped\n.* started, version/);

    assert.is(await server("server:stop", "--apps"), "Stopping the platform and its apps... done");
    assert.equal(await processesOf(platform.home), []);
    await server("server:start");
    await getUntil(platform.routerPort, "foobaz", "at v2");
    await platform.wake();
    assert.is(await checkConverged(platform, "foobaz"), 2);
  });

  test("in the foreground it ends by SIGINT and SIGTERM and leaves the router alone", async (t) => {
    const platform = await startPlatform(t);
    await must(platform, platform.dir, "heroku", "server:stop");
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      const server = startGit(platform, platform.dir, ["heroku", "server"]);
      await untilSame(true, () => isThere(platform, "server.json"));
      const { pid, router } = await serverFile(platform);
      assert.is((await get(Number(new URL(router).port), "nothing")).status, 404);
      // Ctrl-C reaches the whole group of the terminal, a service manager's SIGTERM the one process.
      process.kill(signal === "SIGINT" ? -server.pid : server.pid, signal);
      const { stdout } = await server.ended;
      assert.match(stdout, " started, version ");
      assert.match(stdout, / stopped\n$/);
      await untilSame(["git-heroku routerd"], async () =>
        (await processesOf(platform.home)).map(({ command }) => command.trim()),
      );
      assert.throws(() => process.kill(pid, 0), "ESRCH");
      for (const file of ["server.json", "server.sock"]) assert.not.ok(await isThere(platform, file), file);
      assert.match(await readFile(join(platform.home, "platform.log"), "utf8"), / stopped\n$/);
    }
  });
});
