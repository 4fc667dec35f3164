/** What the daemon writes about itself: its port is kept, and a disk that takes no files does not stop it. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo, type Server } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { takeApiPort } from "../../src/bin/api-port.ts";
import { chooseRouterSettings } from "../../src/bin/router-settings.ts";
import { openRouter } from "../../src/bin/router-port.ts";
import { writeServerFile } from "../../src/bin/server-file.ts";
import { systemClock } from "../../src/bin/system-clock.ts";
import { Home } from "../../src/platform/home.ts";
import { openJournal, type Journal } from "../../src/platform/journal.ts";
import type { RemoteRouter } from "../../src/router/remote-router.ts";
import { refuses } from "../support/assert.ts";
import { freePort } from "../support/http.ts";
import { describe, type TestContext } from "../support/suite.ts";

const ROUTERD = fileURLToPath(new URL("../../bin/routerd.js", import.meta.url));
const VERSION = (JSON.parse(await readFile("package.json", "utf8")) as { version: string }).version;

interface Stage {
  home: Home;
  said: string[];
  journal: Journal;
  open: (port?: string) => Promise<RemoteRouter>;
}

async function stage(t: TestContext): Promise<Stage> {
  const home = await Home.open(await t.tempDir());
  const said: string[] = [];
  const journal: Journal = {
    note: (message) => void said.push(message),
    fault: (during) => void said.push(during),
  };
  const open = async (port = "0"): Promise<RemoteRouter> => {
    const router = await openRouter({
      home,
      journal,
      env: { GIT_HEROKU_ROUTER_PORT: port },
      clock: systemClock,
      version: VERSION,
      script: ROUTERD,
      directory: home.router,
      settings: { baseDomains: ["localhost"], trustedProxies: [] },
      onEvent: () => undefined,
      onSpools: () => undefined,
    });
    t.after(() => router.end());
    return router;
  };
  return { home, said, journal, open };
}

async function occupy(t: TestContext, port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  t.after(() => server.close());
  return server;
}

describe("router port", (test) => {
  test("once chosen it is kept over restarts", async (t) => {
    const { home, open, said } = await stage(t);
    const first = await open();
    await first.end();
    const second = await open();
    assert.is(second.port, first.port);
    assert.equal(JSON.parse(await readFile(home.portsFile, "utf8")), { router: first.port });
    assert.equal(said, []);
  });

  test("taken by somebody else: another one is found and remembered, and that is told once", async (t) => {
    const { home, open, said } = await stage(t);
    const taken = ((await occupy(t, 0)).address() as AddressInfo).port;
    await writeFile(home.portsFile, `{"router":${String(taken)}}`);
    const { port } = await open();
    assert.is.not(port, taken);
    assert.equal(JSON.parse(await readFile(home.portsFile, "utf8")), { router: port });
    assert.equal(said, [`port ${String(taken)} is taken by another program`]);
  });

  test("one that was asked for is taken or refused, never replaced", async (t) => {
    const { open } = await stage(t);
    const asked = await freePort();
    assert.is((await open(String(asked))).port, asked);
    const taken = ((await occupy(t, 0)).address() as AddressInfo).port;
    const { hint } = await refuses("unavailable", () => open(String(taken)));
    assert.match(hint ?? "", "GIT_HEROKU_ROUTER_PORT");
    for (const text of ["x", "-1", "65536", "1.5"]) await refuses("invalid_params", () => open(text));
  });

  test("a damaged memory is no memory", async (t) => {
    const { home, open } = await stage(t);
    for (const text of ["{", "[]", '{"router":70000}', '{"router":"5000"}']) {
      await writeFile(home.portsFile, text);
      await (await open()).end();
    }
  });

  test("a port that cannot be written down serves all the same", async (t) => {
    const { home, open, said } = await stage(t);
    await mkdir(join(home.portsFile, "in-the-way"), { recursive: true });
    assert.ok((await open()).port > 0);
    assert.equal(said, ["writing ports.json"]);
  });
});

describe("router settings", (test) => {
  test("limits are told by the environment and remembered; an empty text goes back to the defaults", async (t) => {
    const { home, journal } = await stage(t);
    const choose = async (limits?: string): Promise<unknown> => {
      const env = limits === undefined ? {} : { GIT_HEROKU_ROUTER_LIMITS: limits };
      const { settings } = await chooseRouterSettings(home, journal, env);
      return [settings.clientKeepAliveMs, settings.closeMs, settings.drainMs, settings.requestHeadMs];
    };
    assert.equal(await choose(), [90_000, 30_000, 600_000, 30_000]);
    const all = [60_000, 5_000, 50, 10_000];
    assert.equal(await choose("drain=50ms, end=5s,keep-alive=1m,request-head=10s"), all);
    assert.equal(await choose(), all);
    for (const text of ["drain", "drain=", "drain=1", "drain=2h", "boot-wait=1s", "constructor=1s", "drain=1s,"])
      assert.match(
        (await refuses("invalid_params", () => choose(text))).hint ?? "",
        "drain, end, keep-alive, request-head",
      );
    assert.equal(await choose("drain=1s"), [90_000, 30_000, 1_000, 30_000]);
    assert.equal(await choose(""), [90_000, 30_000, 600_000, 30_000]);
  });
});

describe("server file", (test) => {
  const FACTS = { pid: 1, router: "http://127.0.0.1:5000", api: "http://127.0.0.1:5001", version: "1.2.3" };

  test("says where the daemon is", async (t) => {
    const { home, journal, said } = await stage(t);
    await writeServerFile(home, journal, FACTS);
    assert.equal(JSON.parse(await readFile(home.serverFile, "utf8")), FACTS);
    assert.equal(said, []);
  });

  test("one that cannot be written is told, and stops nothing", async (t) => {
    const { home, journal, said } = await stage(t);
    await mkdir(join(home.serverFile, "in-the-way"), { recursive: true });
    await writeServerFile(home, journal, FACTS);
    assert.equal(said, ["writing server.json", "removing server.json"]);
  });
});

describe("api port", (test) => {
  test("kept over restarts beside the router's; one that is taken gives way, which is told", async (t) => {
    const { home, journal, said } = await stage(t);
    await writeFile(home.portsFile, '{"router":5000}');
    const take = (port: string): ReturnType<typeof takeApiPort> =>
      takeApiPort({ home, journal, env: { GIT_HEROKU_API_PORT: port } });
    const first = await take("0");
    await first.close();
    const second = await take("");
    assert.is(second.port, first.port);
    assert.equal(JSON.parse(await readFile(home.portsFile, "utf8")), { router: 5000, api: first.port });
    assert.equal(said, []);
    const third = await take("0");
    assert.is.not(third.port, first.port);
    assert.match(said.join(), `port ${String(first.port)} is taken by another program`);
    const refusal = await refuses("unavailable", () => take(String(second.port)));
    assert.match(refusal.hint ?? "", "GIT_HEROKU_API_PORT");
    await Promise.all([second.close(), third.close()]);
  });
});

describe("journal", (test) => {
  test("lines with their time; a stack for a fault; a file that cannot be written is no fault", async (t) => {
    const dir = await t.tempDir();
    const echoed: string[] = [];
    const clock = { ...systemClock, now: () => Date.UTC(2026, 10, 23, 16) };
    const journal = openJournal(join(dir, "platform.log"), clock, (line) => void echoed.push(line));
    journal.note("started");
    journal.fault("push", new Error("no"));
    const text = await readFile(join(dir, "platform.log"), "utf8");
    assert.ok(text.startsWith("2026-11-23T16:00:00.000Z started\n2026-11-23T16:00:00.000Z push: Error: no\n    at "));
    assert.is(echoed.join(""), text);
    openJournal(join(dir, "nosuch", "platform.log"), clock).note("lost");
  });

  test("grown over its limit it begins anew, and the old one is kept", async (t) => {
    const file = join(await t.tempDir(), "platform.log");
    await writeFile(file, "x".repeat(4 * 1024 * 1024));
    const journal = openJournal(file, systemClock);
    journal.note("one");
    journal.note("two");
    assert.is((await readFile(file, "utf8")).split("\n").length, 3);
    assert.is((await readFile(`${file}.1`, "utf8")).length, 4 * 1024 * 1024);
  });
});
