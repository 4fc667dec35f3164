/** Names and sleep of an app, through the command, the daemon and the router process. */
import { request } from "node:http";
import * as assert from "uvu/assert";
import { deployFixture, untilState } from "../support/deploy.ts";
import { get } from "../support/http.ts";
import { startPlatform } from "../support/platform.ts";
import { describe } from "../support/suite.ts";

function visit(port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port, agent: false, headers: { host } }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode ?? 0));
    })
      .on("error", reject)
      .end();
  });
}

describe("traffic", (test) => {
  test("domains by the command", async (t) => {
    const platform = await startPlatform(t);
    const dir = await deployFixture(platform, "hello");
    const run = async (...args: string[]): Promise<string> => {
      const { stdout, stderr } = await platform.exec("git", ["heroku", ...args], { cwd: dir });
      return stdout + stderr;
    };
    assert.is(
      await run("domains:add", "WWW.foobazco.com", "*.foobazco.com"),
      "Added *.foobazco.com to hello\nAdded www.foobazco.com to hello\n",
    );
    assert.match(
      await run("domains"),
      /^hello\.localhost +the platform's own\n\*\.foobazco\.com +added 20[0-9T:-]+Z\nwww\./,
    );
    assert.is(await visit(platform.routerPort, "www.foobazco.com"), 200);
    assert.is(await run("domains:remove", "www.foobazco.com"), "Removed www.foobazco.com from hello\n");
    assert.is(await run("domains:remove", "*.foobazco.com"), "Removed *.foobazco.com from hello\n");
    assert.is(await visit(platform.routerPort, "www.foobazco.com"), 404);
    assert.match(await run("domains:add", "hello.localhost"), "belongs to the platform");
  });

  test("an app falls asleep, and a request wakes it, also without the daemon that put it to sleep", async (t) => {
    const platform = await startPlatform(t);
    const dir = await deployFixture(platform, "hello");
    const { stdout } = await platform.exec("git", ["heroku", "ps:autosleep", "1s"], { cwd: dir });
    assert.is(stdout, "The web processes of hello sleep after 1s without traffic.\n");
    await untilState(platform, "hello", "idle", 1);
    await platform.kill();
    const waiting = get(platform.routerPort, "hello");
    await platform.start();
    assert.match((await waiting).body, "Hello from v2 on web.1");
  });
});
