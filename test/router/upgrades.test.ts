import { once } from "node:events";
import type { Duplex } from "node:stream";
import * as assert from "uvu/assert";
import { describe } from "../support/suite.ts";
import { field, Lab, rawWeb, web } from "./lab.ts";

const UPGRADE =
  "GET /cable HTTP/1.1\r\nHost: hello.localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

async function echoing(t: Parameters<typeof web>[0]): ReturnType<typeof web> {
  const backend = await web(t, (_, response) => {
    response.writeHead(426).end("upgrade please");
  });
  backend.server.on("upgrade", (request, socket: Duplex, head: Buffer) => {
    t.after(() => socket.destroy());
    socket.on("error", () => undefined);
    const { headers } = request;
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Key: ${headers["sec-websocket-key"] ?? ""}\r\n` +
        `X-Id: ${String(headers["x-request-id"])}\r\n\r\nwelcome `,
    );
    socket.write(head);
    socket.pipe(socket);
  });
  return backend;
}

describe("router upgrades", (test) => {
  test("bytes pass both ways, from the first on; one line at the end", async (t) => {
    const lab = await Lab.start(t);
    lab.route({ backends: [await echoing(t)] });
    const client = lab.dial(t, `${UPGRADE}early`);
    await client.until("welcome early");
    assert.match(
      client.received,
      /^HTTP\/1\.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n/,
    );
    assert.match(client.received, "X-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
    client.socket.write("\u0081\u0000ping");
    await client.until("\u0081\u0000ping");
    assert.equal(lab.lines, []);
    client.socket.end();
    await client.closed;
    const line = await lab.line();
    assert.match(line, 'at=info method=GET path="/cable" host=hello.localhost');
    assert.is(field(line, "status"), "101");
    assert.is(field(line, "dyno"), "web.1");
  });

  test("the end of either side ends the other", async (t) => {
    const lab = await Lab.start(t);
    let backendSocket: Duplex | undefined;
    const backend = await web(t, (_, response) => response.end());
    backend.server.on("upgrade", (_, socket: Duplex) => {
      backendSocket = socket;
      t.after(() => socket.destroy());
      socket.on("error", () => undefined).resume();
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhi");
    });
    lab.route({ backends: [backend] });
    const first = lab.dial(t, UPGRADE);
    await first.until("hi");
    backendSocket?.end("bye");
    assert.match(await first.all(), /bye$/);
    assert.is(field(await lab.line(), "status"), "101");

    const second = lab.dial(t, UPGRADE);
    await second.until("hi");
    const gone = once(backendSocket as Duplex, "end");
    second.socket.resetAndDestroy();
    await gone;
    assert.is(field(await lab.line(), "status"), "101");
  });

  test("a refused upgrade is an ordinary answer, and nothing can follow it", async (t) => {
    const lab = await Lab.start(t);
    let requests = 0;
    const backend = await web(t, (_, response) => {
      requests += 1;
      response.writeHead(403, { "Content-Type": "text/plain" }).end("no");
    });
    lab.route({ backends: [backend] });
    const client = lab.dial(t, `${UPGRADE}GET /smuggled HTTP/1.1\r\nHost: hello.localhost\r\n\r\n`);
    const answer = await client.all();
    assert.match(answer, /^HTTP\/1\.1 403 Forbidden\r\n[^]*Connection: close\r\n[^]*no/);
    assert.is(requests, 1);
    assert.is(field(await lab.line(), "status"), "403");
  });

  test("a long answer to an upgrade flows to its end", async (t) => {
    const lab = await Lab.start(t);
    const body = Buffer.alloc(8 * 1024 * 1024, "x");
    lab.route({ backends: [await web(t, (_, response) => response.end(body))] });
    const client = lab.dial(t, UPGRADE);
    const answer = await client.all();
    assert.ok(answer.length > body.length);
  });

  test("errors have their pages here too", async (t) => {
    const lab = await Lab.start(t);
    lab.route({ state: "none" });
    assert.match(await lab.dial(t, UPGRADE).all(), /^HTTP\/1\.1 503 [^]*code=H14/);
    const backend = await rawWeb(t, (socket) => {
      socket.on("data", () => socket.destroy());
    });
    lab.route({ backends: [backend] });
    assert.match(await lab.dial(t, UPGRADE).all(), /^HTTP\/1\.1 503 [^]*code=H13/);
    assert.match(await lab.dial(t, UPGRADE.replace("hello", "nobody")).all(), /^HTTP\/1\.1 404 /);
  });

  test("a silent connection is closed (H15)", async (t) => {
    const lab = await Lab.start(t, { idleMs: 150 });
    lab.route({ backends: [await echoing(t)] });
    const client = lab.dial(t, UPGRADE);
    await client.closed;
    const line = await lab.line();
    assert.is(field(line, "code"), "H15");
    assert.is(field(line, "status"), "101");
  });

  test("h2c is ignored: the request is served as it is, body included", async (t) => {
    const lab = await Lab.start(t);
    const backend = await web(t, (request, response) => {
      assert.is(request.headers.upgrade, undefined);
      request.pipe(response);
    });
    lab.route({ backends: [backend] });
    const head =
      "Host: hello.localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n";
    const client = lab.dial(t, `POST / HTTP/1.1\r\n${head}Content-Length: 8\r\n\r\nbody`);
    client.socket.write("more");
    await client.until("bodymore");
    client.socket.write(`GET /next HTTP/1.1\r\n${head}\r\n`);
    await lab.line();
    assert.is(field(await lab.line(), "path"), "/next");
    client.socket.write("GET /last HTTP/1.1\r\nHost: hello.localhost\r\nConnection: close\r\n\r\n");
    assert.is((await client.all()).split("HTTP/1.1 200 OK").length, 4);
  });

  test("closing the router closes upgraded connections at once", async (t) => {
    const lab = await Lab.start(t, { closeMs: 10_000 });
    lab.route({ backends: [await echoing(t)] });
    const client = lab.dial(t, UPGRADE);
    await client.until("welcome");
    await lab.router.close();
    await client.closed;
    assert.is(field(await lab.line(), "status"), "101");
  });
});
