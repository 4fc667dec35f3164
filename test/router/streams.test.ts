import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import * as assert from "uvu/assert";
import { describe } from "../support/suite.ts";
import { field, Lab, latch, nothing, rawWeb, web } from "./lab.ts";

const MB = 1024 * 1024;

function sha(...parts: Buffer[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

describe("router streams", (test) => {
  test("20 MB go up and down unchanged, with a length and in chunks", async (t) => {
    const lab = await Lab.start(t);
    const backend = await web(t, (request, response) => {
      const length = request.headers["content-length"];
      if (length !== undefined) response.setHeader("Content-Length", length);
      void pipeline(request, response);
    });
    lab.route({ backends: [backend] });
    const piece = randomBytes(MB);
    const pieces = Array.from({ length: 20 }, () => piece);
    for (const headers of [{ "Content-Length": String(20 * MB) }, { "Transfer-Encoding": "chunked" }]) {
      const request = httpRequest({
        port: lab.router.port,
        host: "127.0.0.1",
        method: "POST",
        agent: false,
        headers: { Host: "hello.localhost", ...headers },
      });
      void pipeline(Readable.from(pieces), request);
      const [response] = (await once(request, "response")) as [Readable & { headers: Record<string, string> }];
      const received: Buffer[] = [];
      for await (const chunk of response) received.push(chunk as Buffer);
      assert.is(sha(...received), sha(...pieces));
      assert.is(response.headers["content-length"], headers["Content-Length"]);
      assert.is(field(await lab.line(), "bytes"), String(20 * MB));
    }
  });

  test("a slow reader slows the app down, not the router's memory", async (t) => {
    const lab = await Lab.start(t);
    let sent = 0;
    const paused = latch();
    const piece = Buffer.alloc(256 * 1024);
    const backend = await web(t, (_, response) => {
      const more = (): void => {
        while (sent < 200) {
          sent += 1;
          if (!response.write(piece)) {
            response.once("drain", more);
            const mark = sent;
            setTimeout(() => {
              if (sent === mark) paused.open();
            }, 300).unref();
            return;
          }
        }
        response.end();
      };
      more();
    });
    lab.route({ backends: [backend] });
    const client = lab.dial(t, "GET / HTTP/1.1\r\nHost: hello.localhost\r\nConnection: close\r\n\r\n");
    client.socket.pause();
    await paused.opened;
    assert.ok(sent < 150, `${String(sent)} of 200 pieces were sent to a client that does not read`);
    let bytes = 0;
    client.socket.removeAllListeners("data");
    client.socket.on("data", (chunk: string) => {
      bytes += chunk.length;
    });
    client.socket.resume();
    await client.closed;
    assert.ok(bytes >= 200 * piece.length);
    assert.is(field(await lab.line(), "status"), "200");
  });

  test("a client that stops reading is cut off (H28)", async (t) => {
    const lab = await Lab.start(t, { idleMs: 300 });
    const backend = await web(t, (_, response) => {
      response.on("error", () => undefined).end(Buffer.alloc(64 * MB));
    });
    lab.route({ backends: [backend] });
    const client = lab.dial(t, "GET / HTTP/1.1\r\nHost: hello.localhost\r\n\r\n");
    client.socket.pause();
    const line = await lab.line();
    assert.is(field(line, "code"), "H28");
    client.socket.resume();
    await client.closed;
  });

  test("head and pieces of an answer arrive as the app writes them", async (t) => {
    const lab = await Lab.start(t);
    let go = nothing;
    const backend = await web(t, (_, response) => {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      response.flushHeaders();
      go = () => response.write("data: 1\n\n");
    });
    lab.route({ backends: [backend] });
    const client = lab.dial(t, "GET / HTTP/1.1\r\nHost: hello.localhost\r\n\r\n");
    await client.until("text/event-stream");
    await client.until("\r\n\r\n");
    go();
    await client.until("data: 1");
    client.socket.destroy();
    assert.is(field(await lab.line(), "code"), "H27");
  });

  test("pieces of an upload reach the app as the client sends them", async (t) => {
    const lab = await Lab.start(t);
    const backend = await web(t, (request, response) => {
      response.writeHead(200);
      request.on("data", (chunk: Buffer) => response.write(`got ${chunk.toString()};`));
      request.on("end", () => response.end("end"));
    });
    lab.route({ backends: [backend] });
    const client = lab.dial(
      t,
      "POST / HTTP/1.1\r\nHost: hello.localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\na\r\n",
    );
    await client.until("got a;");
    client.socket.write("1\r\nb\r\n");
    await client.until("got b;");
    client.socket.write("0\r\n\r\n");
    assert.match(await client.all(), "end");
  });

  test("HEAD, 204 and 304 have no body and keep their headers", async (t) => {
    const lab = await Lab.start(t);
    const backend = await web(t, (request, response) => {
      if (request.method === "HEAD") response.writeHead(200, { "Content-Length": "12345" });
      else response.writeHead(Number(request.url?.slice(1)), { ETag: '"x"' });
      response.end();
    });
    lab.route({ backends: [backend] });
    const head = await lab.ask({ method: "HEAD" });
    assert.equal([head.status, head.headers["content-length"], head.text], [200, "12345", ""]);
    assert.is(head.headers["transfer-encoding"], undefined);
    for (const status of [204, 304]) {
      const reply = await lab.ask({ path: `/${String(status)}` });
      assert.equal([reply.status, reply.headers.etag, reply.text], [status, '"x"', ""]);
      assert.is(reply.headers["transfer-encoding"], undefined);
    }
    lab.route({ state: "none" });
    const page = await lab.ask({ method: "HEAD" });
    assert.equal([page.status, page.text], [503, ""]);
  });

  test("several cookies stay several, hop-by-hop fields stay behind, odd bytes survive", async (t) => {
    const lab = await Lab.start(t);
    const backend = await rawWeb(t, (socket) => {
      socket.once("data", () =>
        socket.end(
          Buffer.from(
            "HTTP/1.1 299 Very Fine\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n" +
              "Keep-Alive: timeout=1\r\nX-Odd: caf\u00e9\r\nContent-Length: 2\r\n\r\nok",
            "latin1",
          ),
        ),
      );
    });
    lab.route({ backends: [backend] });
    const client = lab.dial(t, "GET / HTTP/1.1\r\nHost: hello.localhost\r\nConnection: close\r\n\r\n");
    const answer = await client.all();
    assert.match(answer, /^HTTP\/1\.1 299 Very Fine\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\n/);
    assert.match(answer, "X-Odd: caf\u00e9\r\n");
    assert.not.match(answer, "X-Hop");
    assert.not.match(answer, "timeout=1");
    assert.is(answer.split(/\r\nConnection: /i).length, 2);
  });

  test("an answer that ends with its connection is a whole one", async (t) => {
    const lab = await Lab.start(t);
    const backend = await rawWeb(t, (socket) => {
      socket.once("data", () => socket.end("HTTP/1.0 200 OK\r\n\r\nto the end"));
    });
    lab.route({ backends: [backend] });
    assert.is((await lab.ask()).text, "to the end");
    const old = lab.dial(t, "GET / HTTP/1.0\r\nHost: hello.localhost\r\n\r\n");
    assert.match(await old.all(), /\r\n\r\nto the end$/);
    assert.is(field(await lab.line(), "status"), "200");
  });

  test("early hints and trailers come through", async (t) => {
    const lab = await Lab.start(t);
    const backend = await web(t, (_, response) => {
      response.writeEarlyHints({ link: "</a.css>; rel=preload" }, () => {
        response.writeHead(200, { Trailer: "X-Sum" });
        response.write("body");
        response.addTrailers({ "X-Sum": "42" });
        response.end();
      });
    });
    lab.route({ backends: [backend] });
    const client = lab.dial(t, "GET / HTTP/1.1\r\nHost: hello.localhost\r\nConnection: close\r\n\r\n");
    const answer = await client.all();
    assert.match(answer, /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a.css>; rel=preload\r\n\r\nHTTP\/1\.1 200 OK/);
    assert.match(answer, /0\r\nX-Sum: 42\r\n\r\n$/);
  });
});
