/** Visitors notice nothing of what happens to the platform: no request fails while the daemon is restarted or killed and
 *  while the router is replaced, and each is in the log once. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { untilSame } from "../support/converged.ts";
import { must, platformClient } from "../support/deploy.ts";
import { EchoSocket } from "../support/echo-socket.ts";
import { getUntil } from "../support/http.ts";
import { startLoad } from "../support/load.ts";
import { processesOf } from "../support/platform.ts";
import { describe } from "../support/suite.ts";
import { isRouter, isSubset, loggedPaths, routerPid, startEcho } from "./edge-lab.ts";

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
  test.long(
    "the router killed, alone and with the daemon: it serves again, and no line is lost or doubled",
    async (t) => {
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
    },
  );

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
});
