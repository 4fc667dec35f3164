/** kill -9 of the daemon at any time: what was acknowledged is there, what was not happened whole or not at all, and the
 *  formation of the newest succeeded release comes back. */
import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Dyno } from "../../src/api/resources.ts";
import { checkConverged, readLedger, untilSame } from "../support/converged.ts";
import { deployFixture, must, platformClient, untilUp } from "../support/deploy.ts";
import { killAt } from "../support/kill-at.ts";
import { processesOf, startPlatform } from "../support/platform.ts";
import { AT_GATE, commitChange, commitGate, startPush } from "../support/push.ts";
import { describe } from "../support/suite.ts";

/** What must not change while the daemon is away. "Up for" may begin a moment earlier: with the process itself. */
function identity({ name, state, extended }: Dyno): unknown {
  return { name, state, extended };
}

/** To an app's process itself. */
function visitProcess(port: number, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port, path, agent: false }, (answer) => answer.resume().once("end", resolve))
      .once("error", reject)
      .end();
  });
}

describe("kill -9 of the daemon", (test) => {
  test("idle: processes, their times and their lines stay", async (t) => {
    const platform = await startPlatform(t);
    const clone = await deployFixture(platform, "foobaz");
    await must(platform, clone, "heroku", "scale", "web=2", "worker=1");
    await untilUp(platform, "foobaz", 3);
    const client = platformClient(platform);
    const before = await client.dynos("foobaz", true);
    const { routerPort } = platform;
    for (const round of ["first", "second"]) {
      await platform.kill();
      for (const { extended } of before) {
        if (typeof extended?.port === "number") await visitProcess(extended.port, `/${round}`);
      }
      await platform.start();
      assert.is(platform.routerPort, routerPort);
      await untilSame(before.map(identity), async () => (await client.dynos("foobaz", true)).map(identity));
      const after = await client.dynos("foobaz");
      assert.ok(before.every((dyno, index) => (after[index]?.updated_at ?? "") <= dyno.updated_at));
    }
    await checkConverged(platform, "foobaz");
    const logs = (): Promise<string> => must(platform, clone, "heroku", "logs", "--source", "app");
    await untilSame(true, async () => (await logs()).split("GET /second").length === 3);
    assert.is((await logs()).split("GET /first").length, 3);
  });

  test("right after a push, a config change and a rollback were acknowledged", async (t) => {
    const platform = await startPlatform(t);
    const clone = await deployFixture(platform, "foobaz");
    await platform.kill();
    await platform.start();
    assert.is(await checkConverged(platform, "foobaz"), 2);
    await must(platform, clone, "heroku", "scale", "worker=1");
    await platform.kill();
    await platform.start();
    assert.is(await checkConverged(platform, "foobaz"), 2);
    await must(platform, clone, "heroku", "config:add", "GREETING=hey");
    await platform.kill();
    await platform.start();
    assert.is(await checkConverged(platform, "foobaz"), 3);
    await must(platform, clone, "heroku", "rollback", "v2");
    await platform.kill();
    await platform.start();
    assert.is(await checkConverged(platform, "foobaz"), 4);
  });

  test("at each step of a push", async (t) => {
    const platform = await startPlatform(t);
    const clone = await deployFixture(platform, "foobaz");
    await untilUp(platform, "foobaz", 1);
    const repo = "repos/foobaz.git";
    const moments = {
      "the build begins": { dir: "apps/foobaz/slugs" },
      "the refs are locked": { dir: `${repo}/refs/heads`, isMoment: (name: string) => name.endsWith(".lock") },
      "the release is there": { dir: `${repo}/refs/heads`, isMoment: (name: string) => name === "releases" },
      "the branch has moved": { dir: `${repo}/refs/heads`, isMoment: (name: string) => name === "main" },
      "the launch begins": { dir: "apps/foobaz/run" },
    };
    for (const [name, moment] of Object.entries(moments)) {
      const commit = await commitChange(platform, clone, name);
      const push = await killAt(platform, moment, () =>
        platform.exec("git", ["push", "-q", "production", "main"], { cwd: clone }),
      );
      await platform.wake();
      await checkConverged(platform, "foobaz");
      if (push.status === 0) assert.is((await readLedger(platform, "foobaz"))[0]?.code, commit, name);
      await must(platform, clone, "push", "-q", "production", "main");
      assert.is((await readLedger(platform, "foobaz"))[0]?.code, commit, name);
    }
    await checkConverged(platform, "foobaz");
  });

  test("during a config change and a rollback", async (t) => {
    const platform = await startPlatform(t);
    const clone = await deployFixture(platform, "foobaz");
    await untilUp(platform, "foobaz", 1);
    const refs = "repos/foobaz.git/refs/heads";
    const commands = [
      ["config:add", "GREETING=hey"],
      ["rollback", "v2"],
    ];
    for (const words of commands) {
      for (const suffix of [".lock", "releases"]) {
        const head = await must(platform, join(platform.home, "repos/foobaz.git"), "rev-parse", "releases");
        const isMoment = async (name: string): Promise<boolean> =>
          name.endsWith(suffix) &&
          (suffix === ".lock" || !(await readFile(join(platform.home, refs, "releases"), "utf8")).startsWith(head));
        const result = await killAt(platform, { dir: refs, isMoment }, () =>
          platform.exec("git", ["heroku", ...words], { cwd: clone }),
        );
        await platform.wake();
        const version = await checkConverged(platform, "foobaz");
        const said = /v(\d+)\n$/.exec(result.stdout)?.[1];
        if (result.status === 0 && said !== undefined) assert.is(version, Number(said), result.stdout);
      }
    }
  });

  test("during a build: the push fails at once, and works when it is made again", async (t) => {
    const platform = await startPlatform(t);
    const clone = await deployFixture(platform, "gated");
    const gate = await commitGate(platform, clone, "one");
    const push = startPush(platform, clone, "main");
    await push.shows(AT_GATE);
    await platform.kill();
    const failed = await push.ended;
    assert.is(failed.status, 1, failed.stderr);
    assert.match(failed.stderr, "! [remote rejected] main -> main");
    await platform.wake();
    assert.is(await checkConverged(platform, "gated"), 2);
    // What the dead daemon's build left running is ended.
    await untilSame([], async () =>
      (await processesOf(platform.home)).filter(({ command }) => command.includes("build.js")),
    );
    await gate.open();
    await must(platform, clone, "push", "-q", "production", "main");
    assert.is(await checkConverged(platform, "gated"), 3);
  });
}, 60_000);
