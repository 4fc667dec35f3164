/** kill -9 of the daemon at any time: what was acknowledged is there, what was not happened whole or not at all, and the
 *  formation of the newest succeeded release comes back. */
import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import * as assert from "uvu/assert";
import type { Dyno } from "../../src/api/resources.ts";
import { checkConverged, readLedger, untilSame } from "../support/converged.ts";
import { deployFixture, must, platformClient, stopRunning, untilUp } from "../support/deploy.ts";
import { killAt } from "../support/kill-at.ts";
import { borrowPlatform, processesOf, startPlatform, type TestPlatform } from "../support/platform.ts";
import { AT_GATE, commitGate, startPush } from "../support/push.ts";
import { describe } from "../support/suite.ts";
import { killDuringChange, killDuringPush } from "./kill-lab.ts";

/** What must not change while the daemon is away. "Up for" may begin a moment earlier: with the process itself. */
function identity({ name, state, extended }: Dyno): unknown {
  // What memory it uses changes from moment to moment.
  return { name, state, extended: { ...extended, memory: null } };
}

interface Changed {
  status: number;
  id?: string;
}

/** Over TCP, always with the same Request-Id. */
async function setOnce(platform: TestPlatform, token: string): Promise<Changed> {
  const { api } = JSON.parse(await readFile(join(platform.home, "server.json"), "utf8")) as { api: string };
  const headers = {
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    "request-id": "0f9b9c70-7a5c-4d86-9a7e-5f3b7c2f0f11",
  };
  return new Promise((resolve, reject) => {
    const order = { method: "PATCH", agent: false, headers };
    const outgoing = request(`${api}/apps/foobaz/config-vars`, order, (answer) => {
      text(answer).then(
        (body) => resolve({ ...(JSON.parse(body) as { id?: string }), status: answer.statusCode ?? 0 }),
        reject,
      );
    });
    outgoing.once("error", reject).end('{"ONCE":"1"}');
  });
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
  const common = test.shared(startPlatform);

  test("idle: processes, their times and their lines stay", async (t) => {
    const platform = await borrowPlatform(t, common);
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
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "foobaz");
    await platform.kill();
    await platform.start();
    assert.is(await checkConverged(platform, "foobaz"), 2);
    await must(platform, clone, "heroku", "scale", "worker=1");
    await must(platform, clone, "heroku", "config:add", "GREETING=hey");
    await platform.kill();
    await platform.start();
    assert.is(await checkConverged(platform, "foobaz"), 3);
    await must(platform, clone, "heroku", "rollback", "v2");
    await platform.kill();
    await platform.start();
    assert.is(await checkConverged(platform, "foobaz"), 4);
  });

  test("a change whose answer was not heard is sent again, as Heroku's client does, and done once", async (t) => {
    const platform = await borrowPlatform(t, common);
    await deployFixture(platform, "foobaz");
    await stopRunning(platform, "foobaz");
    const token = await must(platform, platform.dir, "heroku", "tokens:create");
    const lost = await killAt(platform, { dir: "access", isMoment: (name) => name === "requests" }, () =>
      setOnce(platform, token).catch(() => undefined),
    );
    await platform.wake();
    const { status, id } = await setOnce(platform, token);
    const made = (await readLedger(platform, "foobaz")).length - 2;
    // Nobody knows how far it had come: it was done once, or nobody has been told that it was.
    if (status === 200) assert.is(made, 1);
    else assert.equal([status, id, made <= 1, lost], [409, "conflict", true, undefined]);
  });

  test("at two steps of a push", async (t) => {
    const platform = await borrowPlatform(t, common);
    await killDuringPush(platform, ["the refs are locked", "the branch has moved"]);
  });

  test("during a config change and a rollback", async (t) => {
    const platform = await borrowPlatform(t, common);
    await killDuringChange(platform, [0, 3]);
  });

  test("during a build: the push fails at once, and works when it is made again", async (t) => {
    const platform = await borrowPlatform(t, common);
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
});
