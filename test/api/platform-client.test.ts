import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { Unreachable } from "../../src/api/line.ts";
import { PlatformClient } from "../../src/api/platform-client.ts";
import type { Person } from "../../src/core/person.ts";
import { refuses, rejects } from "../support/assert.ts";
import { FakePlatform } from "../support/fake-platform.ts";
import { describe, type TestContext } from "../support/suite.ts";

const NED: Person = { name: "Ned", email: "ned@foobazco.com" };

function clientOf(home: string, person = NED): PlatformClient {
  return new PlatformClient({ home, identity: () => person });
}

async function start(t: TestContext, subdirectory = ""): Promise<{ fake: FakePlatform; client: PlatformClient }> {
  const home = join(await t.tempDir(), subdirectory);
  const fake = await FakePlatform.start(home);
  t.after(() => fake.stop());
  return { fake, client: clientOf(home) };
}

/** A server that does to each connection what the test wants. */
async function startRaw(t: TestContext, reply: string | undefined): Promise<PlatformClient> {
  const home = await t.tempDir();
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => (reply === undefined ? socket.destroy() : socket.end(reply)));
  });
  await new Promise<void>((resolve) => server.listen(join(home, "server.sock"), resolve));
  t.after(() => new Promise((resolve) => void server.close(resolve)));
  return clientOf(home);
}

describe("platform client", (test) => {
  test("names the person on what changes something, and on nothing else", async (t) => {
    const { fake, client } = await start(t);
    await client.createApp("foobaz");
    await client.app("foobaz");
    assert.equal(
      fake.asked.map(({ method, url, headers }) => [method, url, headers["git-heroku-user"]]),
      [
        ["POST", "/apps", "Ned <ned@foobazco.com>"],
        ["GET", "/apps/foobaz", undefined],
      ],
    );
  });

  test("a name beyond latin1 travels as UTF-8", async (t) => {
    const { fake } = await start(t);
    await clientOf(fake.home, { name: "Łukasz 漢", email: "l@foobazco.com" }).createApp("foobaz");
    const header = String(fake.lastChange()?.headers["git-heroku-user"]);
    assert.is(Buffer.from(header, "latin1").toString("utf8"), "Łukasz 漢 <l@foobazco.com>");
  });

  test("a refusal becomes the error that was meant", async (t) => {
    const { client } = await start(t);
    const error = await refuses("not_found", () => client.app("nobody"));
    assert.is(error.message, "Couldn't find that app.");
    assert.is(error.hint, "List the apps with `git heroku apps`.");
  });

  test("tells the release of a config change, or that there was none", async (t) => {
    const { fake, client } = await start(t);
    fake.addApp("foobaz");
    assert.is(await client.changeConfig("foobaz", { FOO: "baz" }), 2);
    assert.is(await client.changeConfig("foobaz", { FOO: "baz" }), undefined);
  });

  test("asks for releases by range and for logs by filter", async (t) => {
    const { fake, client } = await start(t);
    fake.addApp("foobaz");
    await client.releases("foobaz", 7);
    (await client.logs("foobaz", { lines: 3, ps: "web.1", source: "app", tail: false })).resume();
    assert.is(fake.asked[0]?.headers.range, "version ..; max=7, order=desc");
    assert.is(fake.asked[1]?.url, "/apps/foobaz/logs?lines=3&ps=web.1&source=app");
  });

  test("reaches a socket whose path is longer than a socket's path may be", async (t) => {
    const directory = join(await t.tempDir(), "d".repeat(90));
    await mkdir(directory);
    const fake = await FakePlatform.start(await t.tempDir());
    t.after(() => fake.stop());
    await symlink(join(fake.home, "server.sock"), join(directory, "server.sock"));
    const client = clientOf(directory);
    assert.equal(await client.apps(), []);
    assert.equal(await client.apps(), []);
  });

  test("wakes the daemon once when nobody is there, then asks again", async (t) => {
    const home = await t.tempDir();
    let woken = 0;
    const wake = async (): Promise<void> => {
      woken += 1;
      const fake = await FakePlatform.start(home);
      t.after(() => fake.stop());
    };
    const client = new PlatformClient({ home, identity: () => NED, wake });
    assert.equal(await client.apps(), []);
    assert.equal(await client.apps(), []);
    assert.is(woken, 1);
  });

  test("without a wake the silence is told: no home, no socket, a dead socket", async (t) => {
    const home = await t.tempDir();
    assert.instance(await rejects(clientOf(join(home, "nowhere")).apps()), Unreachable);
    assert.instance(await rejects(clientOf(home).apps()), Unreachable);
    assert.instance(await rejects(clientOf(join(home, "x".repeat(110))).apps()), Unreachable);
    await writeFile(join(home, "server.sock"), "");
    await chmod(join(home, "server.sock"), 0o600);
    assert.instance(await rejects(clientOf(home).apps()), Unreachable);
  });

  test("a question to a daemon that is dying is put to the next one, a change is not", async (t) => {
    for (const change of [false, true]) {
      const home = await t.tempDir();
      const dying = createServer((socket) => {
        // Its last thread ends with the question unread.
        dying.close();
        socket.on("error", () => undefined).destroy();
      });
      await new Promise<void>((resolve) => dying.listen(join(home, "server.sock"), resolve));
      let woken = 0;
      const wake = async (): Promise<void> => {
        woken += 1;
        const fake = await FakePlatform.start(home);
        t.after(() => fake.stop());
      };
      const client = new PlatformClient({ home, identity: () => NED, wake });
      if (change) await refuses("unavailable", () => client.createApp("foobaz"));
      else assert.equal(await client.apps(), []);
      assert.is(woken, change ? 0 : 1);
    }
  });

  test("a platform that dies midway leaves a doubt and says so", async (t) => {
    for (const reply of [undefined, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n["]) {
      const client = await startRaw(t, reply);
      const error = await refuses("unavailable", () => client.apps());
      assert.match(error.hint ?? "", "whether the change was made");
    }
  });

  test("an answer that is no JSON, or no explanation, is reported calmly", async (t) => {
    const odd = await startRaw(t, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n<html>");
    await refuses("bad_request", () => odd.apps());
    const silent = await startRaw(t, "HTTP/1.1 500 Oh\r\nconnection: close\r\n\r\n{}");
    await refuses("internal_server_error", () => silent.apps());
  });
});
