/** Visitors notice nothing of what happens to the platform: no request fails while the daemon is restarted or killed and
 *  while the router is replaced, and each is in the log once. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { findRouter } from "../../src/api/daemon.ts";
import { untilSame } from "../support/converged.ts";
import { deployFixture, must, platformClient, untilUp } from "../support/deploy.ts";
import { getUntil } from "../support/http.ts";
import { EchoSocket } from "../support/echo-socket.ts";
import { startLoad } from "../support/load.ts";
import { processesOf, startPlatform, type TestPlatform } from "../support/platform.ts";
import { describe, type TestContext } from "../support/suite.ts";

async function startEcho(t: TestContext): Promise<TestPlatform> {
  const platform = await startPlatform(t);
  await deployFixture(platform, "echo");
  await untilUp(platform, "echo", 1);
  await getUntil(platform.routerPort, "echo", "0 bytes");
  return platform;
}

interface LoggedLine {
  ts: string;
  ps: string;
  msg: string;
}

/** Of the whole log, from the files themselves; checks that its stamps never go back. */
async function routerLines(platform: TestPlatform): Promise<LoggedLine[]> {
  const directory = join(platform.home, "apps", "echo", "logs");
  const segments = (await readdir(directory)).filter((name) => name.endsWith(".ndjson")).sort();
  const texts = await Promise.all(segments.map((name) => readFile(join(directory, name), "utf8")));
  const lines = texts
    .join("")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as LoggedLine);
  for (const [index, { ts }] of lines.entries()) assert.ok(ts >= (lines[index - 1]?.ts ?? ""), "a stamp went back");
  return lines.filter(({ ps }) => ps === "router");
}

/** How often each path of the load is in the log. */
async function loggedPaths(platform: TestPlatform): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { msg } of await routerLines(platform)) {
    const path = / path="(\S+\?n=\d+)"/.exec(msg)?.[1];
    if (path !== undefined) counts.set(path, (counts.get(path) ?? 0) + 1);
  }
  return counts;
}

async function routerPid(platform: TestPlatform): Promise<number | undefined> {
  return (await findRouter(platform.home))?.pid;
}

describe("edge", (test) => {
  test("the daemon restarted and killed, the router replaced, all under load: nothing fails", async (t) => {
    const platform = await startEcho(t);
    const { routerPort } = platform;
    const socket = await EchoSocket.open(routerPort, "echo");
    t.after(() => socket.close());
    const load = startLoad({ port: routerPort, host: "echo.localhost", slowPath: "/slow" });
    t.after(() => load.stop());
    await load.more(80);
    const first = await routerPid(platform);

    await platform.kill();
    await load.more(80);
    await socket.ping();
    await platform.wake();
    await load.more(80);
    assert.is(await routerPid(platform), first);

    await must(platform, platform.dir, "heroku", "server:stop");
    await load.more(80);
    assert.is((await platform.exec("git", ["heroku", "server:status"])).status, 1);
    await platform.wake();
    await load.more(60);
    assert.is(await routerPid(platform), first);

    await must(platform, platform.dir, "heroku", "server:restart");
    const second = await routerPid(platform);
    assert.is.not(second, first);
    await load.more(80);
    await platformClient(platform).replaceRouter();
    assert.is.not(await routerPid(platform), second);
    await load.more(80);
    await socket.ping();

    await load.stop();
    assert.equal(load.failures, []);
    await untilSame(load.answered, async () => (await loggedPaths(platform)).size);
    assert.equal(
      [...(await loggedPaths(platform)).values()].filter((count) => count !== 1),
      [],
    );
    assert.is((await platformClient(platform).platform()).router_url, `http://127.0.0.1:${String(routerPort)}`);
    // The socket is all that keeps the first router alive.
    socket.close();
    await untilSame(1, async () => (await processesOf(platform.home)).filter(isRouter).length);
    await untilSame(1, async () => (await readdir(join(platform.home, "apps", "echo", "router"))).length);
  });
  test("the router killed, alone and with the daemon: it serves again, and no line is lost or doubled", async (t) => {
    const platform = await startEcho(t);
    const { routerPort } = platform;
    const load = startLoad({ port: routerPort, host: "echo.localhost", slowPath: "/slow" });
    t.after(() => load.stop());
    await load.more(60);
    const pid = await routerPid(platform);
    process.kill(pid ?? 0, "SIGKILL");
    await untilSame(true, async () => ![undefined, pid].includes(await routerPid(platform)));
    await load.more(60);
    await load.stop();
    await untilSame(true, async () => isSubset(load.paths, await loggedPaths(platform)));
    assert.equal(
      [...(await loggedPaths(platform)).values()].filter((count) => count !== 1),
      [],
    );
    const journal = await readFile(join(platform.home, "platform.log"), "utf8");
    assert.match(journal, `the router (pid ${String(pid)}) has ended unasked; another one is started`);

    await platform.kill();
    process.kill((await routerPid(platform)) ?? 0, "SIGKILL");
    await untilSame(undefined, () => routerPid(platform));
    await platform.wake();
    await getUntil(routerPort, "echo", "0 bytes");
    assert.is(platform.routerPort, routerPort);
    assert.equal(
      [...(await loggedPaths(platform)).values()].filter((count) => count !== 1),
      [],
    );
  });

  test("without the daemon the router is told of, and stopping with --apps ends it", async (t) => {
    const platform = await startEcho(t);
    await must(platform, platform.dir, "heroku", "server:stop");
    const status = await platform.exec("git", ["heroku", "server:status"]);
    assert.match(status.stdout, /^The platform does not run\nRouter: {2}serves on, port \d+, pid \d+, version /);
    const text = (await platform.exec("git", ["heroku", "server:status", "--json"])).stdout;
    const { router } = JSON.parse(text) as { router: { port: number } };
    assert.is(router.port, platform.routerPort);
    await getUntil(platform.routerPort, "echo", "0 bytes");
    const stop = await must(platform, platform.dir, "heroku", "server:stop", "--apps");
    assert.is(stop, "Stopping the platform and its apps... done");
    assert.equal(await processesOf(platform.home), []);
  });
}, 60_000);

function isSubset(paths: readonly string[], logged: ReadonlyMap<string, number>): boolean {
  return paths.every((path) => logged.has(path));
}

function isRouter({ command }: { command: string }): boolean {
  return command.includes("routerd");
}
