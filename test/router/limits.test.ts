import { once } from "node:events";
import * as assert from "uvu/assert";
import { DEFAULT_ROUTER_SETTINGS } from "../../src/router/settings.ts";
import { describe } from "../support/suite.ts";
import { field, Lab, latch, nothing, rawWeb, web } from "./lab.ts";

const TUNNEL = "GET / HTTP/1.1\r\nHost: hello.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

describe("router limits", (test) => {
  test("the defaults are Heroku's, where Heroku has any", () => {
    assert.equal(DEFAULT_ROUTER_SETTINGS, {
      baseDomains: ["localhost"],
      trustedProxies: [],
      inFlightMax: 10_000,
      connectMs: 5_000,
      firstByteMs: 30_000,
      idleMs: 55_000,
      bootMs: 75_000,
      heldMax: 1_000,
      requestHeadMs: 30_000,
      clientKeepAliveMs: 90_000,
      backendKeepAliveMs: 4_000,
      requestTargetMax: 8_192,
      headerValueMax: 8_192,
      headerCountMax: 1_000,
      requestHeadMax: 65_536,
      responseHeadMax: 524_288,
      closeMs: 30_000,
      drainMs: 600_000,
    });
  });

  test("an app has limits of its own", async (t) => {
    const lab = await Lab.start(t);
    lab.route({ backends: [await web(t, nothing)], limits: { firstByteMs: 100 } });
    assert.match((await lab.ask()).text, "code=H12");
    lab.route({ state: "starting", limits: { bootMs: 100 } });
    assert.match((await lab.ask()).text, "code=H20");
  });

  test("H22: so many requests are under way at a process", async (t) => {
    const lab = await Lab.start(t, { inFlightMax: 1 });
    const arrived = latch();
    let finish = nothing;
    const backend = await web(t, (_, response) => {
      finish = () => response.end("done");
      arrived.open();
    });
    lab.route({ backends: [backend] });
    const first = lab.ask();
    await arrived.opened;
    assert.is((await lab.ask()).status, 503);
    assert.match(await lab.line(), 'at=error code=H22 desc="Connection limit reached"');
    finish();
    assert.is((await first).text, "done");
  });

  test("H23: a process that changes the protocol unasked, or into nothing", async (t) => {
    const lab = await Lab.start(t);
    const replies = [SWITCH, "HTTP/1.1 101 Switching Protocols\r\n\r\n"];
    for (const [index, reply] of replies.entries()) {
      const backend = await rawWeb(t, (socket) => socket.once("data", () => socket.write(reply)));
      lab.route({ backends: [backend] });
      const ask = index === 0 ? "GET / HTTP/1.1\r\nHost: hello.localhost\r\nConnection: close\r\n\r\n" : TUNNEL;
      assert.match(await lab.dial(t, ask).all(), "503 Service Unavailable");
      assert.match(await lab.line(), 'at=error code=H23 desc="Endpoint misconfigured"');
    }
  });

  test("H24: what the router cuts when it closes", async (t) => {
    const lab = await Lab.start(t, { closeMs: 100 });
    const backend = await rawWeb(t, (socket) =>
      socket.once("data", (data: Buffer) => {
        socket.write(data.includes("websocket") ? SWITCH : "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nforever");
      }),
    );
    lab.route({ backends: [backend] });
    const plain = lab.dial(t, "GET / HTTP/1.1\r\nHost: hello.localhost\r\n\r\n");
    await plain.until("forever");
    const tunnel = lab.dial(t, TUNNEL);
    await tunnel.until("101");
    await lab.router.close();
    const lines = [await lab.line(), await lab.line()];
    assert.equal(
      lines.map((line) => field(line, "code")),
      ["H24", "H24"],
    );
  });

  test("H25: a response head over 512 KB", async (t) => {
    const lab = await Lab.start(t);
    const backend = await rawWeb(t, (socket) =>
      socket.once("data", () => socket.write(`HTTP/1.1 200 OK\r\nX-Long: ${"x".repeat(600_000)}\r\n\r\n`)),
    );
    lab.route({ backends: [backend] });
    assert.is((await lab.ask()).status, 502);
    assert.match(await lab.line(), 'at=error code=H25 desc="HTTP Restriction"');
  });

  test("H26: another expectation than 100-continue, and a body that cannot be read", async (t) => {
    const lab = await Lab.start(t);
    lab.route({ backends: [await web(t, (request) => request.resume())] });
    assert.is((await lab.ask({ headers: { Expect: "200-ok" } })).status, 417);
    assert.match(await lab.line(), 'code=H26 desc="Request Error" cause="unknown expectation" method=GET');
    const client = lab.dial(
      t,
      "POST / HTTP/1.1\r\nHost: hello.localhost\r\nTransfer-Encoding: chunked\r\n\r\nnot a size\r\n",
    );
    assert.match(await client.all(), "400 Bad Request");
    assert.match(await lab.line(), 'code=H26 desc="Request Error" cause="bad body" method=POST');
  });

  test("H99: the router closes while a request waits", async (t) => {
    const lab = await Lab.start(t);
    lab.route({ state: "starting" });
    const held = lab.dial(t, "GET / HTTP/1.1\r\nHost: hello.localhost\r\n\r\n");
    await once(held.socket, "connect");
    await lab.ask({ host: "nobody.localhost" });
    await lab.router.close();
    assert.match(await held.all(), "500 Internal Server Error");
    assert.match(await lab.line(), 'at=error code=H99 desc="Platform error"');
  });
});

describe("router names and pages", (test) => {
  test("a whole name is stronger than a wildcard, the longest wildcard than the others", async (t) => {
    const lab = await Lab.start(t);
    const answering = (text: string): ReturnType<typeof web> => web(t, (_, response) => response.end(text));
    lab.route({ app: "hello", domains: ["*.example.com"], backends: [await answering("hello")] });
    lab.route({ app: "deep", domains: ["*.b.example.com", "x.example.com"], backends: [await answering("deep")] });
    lab.route({ app: "taker", domains: ["*.localhost"], backends: [await answering("taker")] });
    const cases = {
      "a.example.com": "hello",
      "A.C.Example.com:80": "hello",
      "a.b.example.com": "deep",
      "b.example.com": "hello",
      "x.example.com": "deep",
      "y.x.example.com": "hello",
      "hello.localhost": "hello",
      "other.localhost": "taker",
    };
    for (const [host, text] of Object.entries(cases)) assert.is((await lab.ask({ host })).text, text, host);
    assert.is((await lab.ask({ host: "example.com" })).status, 404);
    lab.route({ app: "hello", state: "none" });
    assert.is((await lab.ask({ host: "a.example.com" })).status, 404);
  });

  test("the app's own pages are for what it fails at and for maintenance", async (t) => {
    const lab = await Lab.start(t);
    const pages = {
      error: { type: "application/json", body: '{"sorry":"ä"}' },
      maintenance: { frame: 'https://a.example/"x"' },
    };
    lab.route({ state: "crashed", pages });
    const crashed = await lab.ask();
    assert.equal(
      [crashed.status, crashed.text, crashed.headers["content-type"]],
      [503, '{"sorry":"ä"}', "application/json"],
    );
    lab.route({ state: "up", maintenance: true, pages });
    assert.match((await lab.ask()).text, '<iframe src="https://a.example/&quot;x&quot;"></iframe>');
    lab.route({ state: "blank", pages });
    assert.match((await lab.ask()).text, "code=H81");
    lab.route({ state: "crashed", pages });
    assert.match((await lab.ask({ headers: { Expect: "no" } })).text, "Bad request");
  });
});

describe("router, sleeping apps", (test) => {
  test("requests wait for an app that sleeps, which is woken once", async (t) => {
    const lab = await Lab.start(t);
    lab.route({ state: "idle" });
    const asked = Array.from({ length: 30 }, () => lab.ask());
    await lab.woken();
    lab.route({ state: "starting" });
    lab.route({ backends: [await web(t, (_, response) => response.end("up"))] });
    const replies = await Promise.all(asked);
    assert.ok(replies.every(({ text }) => text === "up"));
    assert.equal(lab.wakes, ["hello"]);
    lab.route({ state: "idle", maintenance: true });
    await lab.ask();
    assert.equal(lab.wakes, ["hello"], "maintenance wakes nobody");
  });

  test("an app is quiet when nothing is under way and nothing was lately", async (t) => {
    const lab = await Lab.start(t);
    let finish = nothing;
    const arrived = latch();
    const backend = await web(t, (_, response) => {
      finish = () => response.end();
      arrived.open();
    });
    lab.route({ backends: [backend] });
    const running = lab.ask();
    await arrived.opened;
    lab.route({ backends: [backend], quietMs: 60 });
    // Two other apps, quiet after each other, tell that time has passed.
    for (const app of ["one", "two"]) {
      lab.route({ app, quietMs: 100 });
      await lab.quiet(app);
    }
    assert.not(lab.quietApps.includes("hello"));
    finish();
    await running;
    await lab.quiet("hello");
    lab.route({ backends: [backend] });
    const before = lab.quietApps.filter((app) => app === "hello").length;
    lab.route({ app: "one", quietMs: 90 });
    lab.quietApps.length = 0;
    await lab.quiet("one");
    assert.ok(before > 0 && !lab.quietApps.includes("hello"), "no longer watched");
  });
});
