import * as assert from "uvu/assert";
import { describe } from "../support/suite.ts";
import { field, Lab, latch, nothing, rawWeb, web } from "./lab.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe("router requests", (test) => {
  test("a served request is logged field for field", async (t) => {
    const lab = await Lab.start(t);
    lab.route({ backends: [await web(t, (_, response) => response.end("hello"))] });
    await lab.ask({ path: "/a/b?c=d", headers: { "X-Forwarded-For": "1.2.3.4" } });
    const line = await lab.line();
    const form =
      /^hello at=info method=GET path="\/a\/b\?c=d" host=hello\.localhost request_id=[0-9a-f-]{36} fwd="1\.2\.3\.4, 127\.0\.0\.1" dyno=web\.1 connect=\d+ms service=\d+ms status=200 bytes=5 protocol=http$/;
    assert.match(line, form);
  });

  test("what the app gets to see", async (t) => {
    const lab = await Lab.start(t);
    const backend = await web(t, (request, response) => response.end(JSON.stringify(request.headers)));
    lab.route({ backends: [backend] });
    const before = Date.now();
    const reply = await lab.ask({
      host: "Hello.localhost:1234",
      headers: {
        "X-Forwarded-For": "1.2.3.4",
        "X-Forwarded-Proto": "https",
        X_Forwarded_Proto: "https",
        Via: "1.0 before",
        TE: "trailers",
        "Proxy-Authorization": "secret",
        Connection: "keep-alive, X-Private",
        "X-Private": "1",
        Cookie: "a=b",
      },
    });
    const seen = JSON.parse(reply.text) as Record<string, string>;
    assert.is(seen["host"], "Hello.localhost:1234");
    assert.is(seen["x-forwarded-for"], "1.2.3.4, 127.0.0.1");
    assert.is(seen["x-forwarded-proto"], "http");
    assert.is(seen["x-forwarded-port"], String(lab.router.port));
    assert.is(seen["via"], "1.0 before, 1.1 git-heroku-router");
    assert.match(seen["x-request-id"] ?? "", UUID);
    assert.ok(Number(seen["x-request-start"]) >= before && Number(seen["x-request-start"]) <= Date.now());
    assert.is(seen["cookie"], "a=b");
    assert.is(seen["connection"], "keep-alive");
    for (const gone of ["te", "proxy-authorization", "x-private", "x_forwarded_proto"])
      assert.is(seen[gone], undefined, gone);
    assert.is(reply.headers.via, "1.1 git-heroku-router");
  });

  test("a trusted front is believed, others are not", async (t) => {
    const lab = await Lab.start(t, { trustedProxies: ["127.0.0.1"] });
    const backend = await web(t, (request, response) => response.end(JSON.stringify(request.headers)));
    lab.route({ backends: [backend] });
    const headers = { "X-Forwarded-Proto": "https", "X-Forwarded-Port": "443", "X-Request-Start": "1234567890123" };
    const seen = JSON.parse((await lab.ask({ headers })).text) as Record<string, string>;
    assert.equal(
      [seen["x-forwarded-proto"], seen["x-forwarded-port"], seen["x-request-start"]],
      ["https", "443", "1234567890123"],
    );
    assert.is(field(await lab.line(), "protocol"), "https");
  });

  test("a request id of the right form is kept, any other replaced", async (t) => {
    const lab = await Lab.start(t);
    const backend = await web(t, (request, response) => response.end(request.headers["x-request-id"]));
    lab.route({ backends: [backend] });
    const good = ["abcdefghij0123456789", `${"A".repeat(197)}+/=`];
    for (const id of good) {
      assert.is((await lab.ask({ headers: { "X-Request-Id": id } })).text, id);
      assert.is(field(await lab.line(), "request_id"), id);
    }
    const bad = ["short", "a".repeat(201), 'abcdefghij0123456789" at=error', "abcdefghij 0123456789"];
    for (const id of bad) assert.match((await lab.ask({ headers: { "X-Request-Id": id } })).text, UUID);
  });

  test("hosts: own name in any case, with port or dot, and the app's domains", async (t) => {
    const lab = await Lab.start(t, { baseDomains: ["localhost", "apps.example.com"] });
    lab.route({ domains: ["www.Example.com"], backends: [await web(t, (_, response) => response.end("hi"))] });
    const right = [
      "hello.localhost",
      "HELLO.localhost:80",
      "hello.localhost.",
      "hello.apps.example.com",
      "www.example.com",
    ];
    for (const host of right) assert.is((await lab.ask({ host })).status, 200, host);
    const unknown = ["localhost", "x.hello.localhost", "example.com", "127.0.0.1:5000", "[::1]:5000"];
    for (const host of unknown) assert.is((await lab.ask({ host })).status, 404, host);
    lab.route({ domains: [] });
    assert.is((await lab.ask({ host: "www.example.com" })).status, 404);
    lab.router.removeApp("hello");
    assert.is((await lab.ask()).status, 404);
  });

  test("a domain may move from one app to another in either order", async (t) => {
    const lab = await Lab.start(t);
    lab.route({ domains: ["d.example.com"], state: "none" });
    lab.route({ app: "second", domains: ["d.example.com"], state: "blank" });
    lab.route({ domains: [], state: "none" });
    assert.match((await lab.ask({ host: "d.example.com" })).text, "H81");
  });

  test("missing, doubled and malformed hosts are bad requests", async (t) => {
    const lab = await Lab.start(t);
    lab.route({ backends: [await web(t, (_, response) => response.end("hi"))] });
    const heads = [
      "GET / HTTP/1.1\r\n",
      "GET / HTTP/1.1\r\nHost:\r\n",
      "GET / HTTP/1.1\r\nHost: hello.localhost\r\nHost: hello.localhost\r\n",
      "GET / HTTP/1.1\r\nHost: hello.localhost evil\r\n",
      "GET / HTTP/1.1\r\nHost: hello.localhost/x\r\n",
      'GET / HTTP/1.1\r\nHost: "hello.localhost"\r\n',
      "GET hello HTTP/1.1\r\nHost: hello.localhost\r\n",
      "OPTIONS * HTTP/1.1\r\nHost: hello.localhost\r\n",
    ];
    for (const head of heads) {
      const client = lab.dial(t, `${head}Connection: close\r\n\r\n`);
      assert.match(await client.all(), /^HTTP\/1\.1 400 /, head);
    }
    assert.equal(lab.lines, []);
  });

  test("an absolute target names the host", async (t) => {
    const lab = await Lab.start(t);
    const backend = await web(t, (request, response) =>
      response.end(`${request.headers.host ?? ""}${request.url ?? ""}`),
    );
    lab.route({ backends: [backend] });
    const client = lab.dial(t, "GET http://hello.localhost?q HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n");
    assert.match(await client.all(), "hello.localhost/?q");
  });

  test("both a length and chunks: refused before any app sees it", async (t) => {
    const lab = await Lab.start(t);
    let requests = 0;
    const backend = await web(t, (_, response) => {
      requests += 1;
      response.end();
    });
    lab.route({ backends: [backend] });
    const smuggled = "0\r\n\r\nGET /admin HTTP/1.1\r\nHost: hello.localhost\r\n\r\n";
    const heads = [
      `Content-Length: ${String(smuggled.length)}\r\nTransfer-Encoding: chunked\r\n`,
      `Transfer-Encoding: chunked\r\nContent-Length: ${String(smuggled.length)}\r\n`,
      "Transfer-Encoding: xchunked\r\n",
      "Content-Length: 3\r\nContent-Length: 4\r\n",
      "Content-Length: -1\r\n",
      "Transfer-Encoding : chunked\r\n",
    ];
    for (const head of heads) {
      const client = lab.dial(t, `POST / HTTP/1.1\r\nHost: hello.localhost\r\n${head}\r\n${smuggled}`);
      const answer = await client.all();
      assert.match(answer, /^HTTP\/1\.1 400 Bad Request/, head);
      assert.is(answer.split("HTTP/1.1 ").length, 2, "one answer only");
    }
    assert.is(requests, 0);
  });

  test("no path, host or address can forge a log line", async (t) => {
    const lab = await Lab.start(t);
    lab.route({ backends: [await web(t, (_, response) => response.end("hi"))] });
    const head = "HTTP/1.1\r\nHost: hello.localhost\r\nConnection: close\r\n";
    for (const path of ["/a\tb", "/a\u0001b", "/\u00e9", "/a\rb", "/a\u007fb"]) {
      assert.match(await lab.dial(t, `GET ${path} ${head}\r\n`).all(), /^HTTP\/1\.1 400 /, JSON.stringify(path));
    }
    const quoted = lab.dial(t, `GET /"at=error\\ ${head}X-Forwarded-For: 1", \u00ff at=error "\r\n\r\n`);
    assert.match(await quoted.all(), /^HTTP\/1\.1 200 /);
    const line = await lab.line();
    assert.is(field(line, "path"), "/%22at=error%5C");
    assert.is(field(line, "fwd"), "1%22, %FF at=error %22, 127.0.0.1");
    await lab.ask({ path: `/${"p".repeat(5_000)}` });
    assert.is(field(await lab.line(), "path")?.length, 2_048);
  });

  test("Expect: 100-continue is answered once the process is connected", async (t) => {
    const lab = await Lab.start(t);
    const backend = await web(t, (request, response) => {
      assert.is(request.headers.expect, undefined);
      request.pipe(response);
    });
    lab.route({ backends: [backend] });
    const head =
      "POST / HTTP/1.1\r\nHost: hello.localhost\r\nExpect: 100-continue\r\nContent-Length: 4\r\nConnection: close\r\n\r\n";
    const client = lab.dial(t, head);
    await client.until("HTTP/1.1 100 Continue\r\n\r\n");
    client.socket.write("body");
    assert.match(await client.all(), /200 OK[^]*body/);
    lab.route({ maintenance: true });
    const refused = lab.dial(t, head.replace("Connection: close\r\n", ""));
    const answer = await refused.all();
    assert.match(answer, /^HTTP\/1\.1 503 /);
    assert.match(answer, "Connection: close");
  });

  test("an answer before the end of the upload comes through, and the connection lives on", async (t) => {
    const lab = await Lab.start(t);
    const backend = await rawWeb(t, (socket) => {
      socket.once("data", () =>
        socket.end("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig"),
      );
    });
    lab.route({ backends: [backend] });
    const client = lab.dial(t, "POST / HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: 10\r\n\r\n01234");
    await client.until("big");
    lab.route({ state: "none" });
    client.socket.write("56789GET / HTTP/1.1\r\nHost: hello.localhost\r\nConnection: close\r\n\r\n");
    assert.match(await client.all(), "code=H14");
  });

  test("connections are reused on both sides", async (t) => {
    const lab = await Lab.start(t);
    const backend = await web(t, (_, response) => response.end("hi"));
    let connections = 0;
    backend.server.on("connection", () => {
      connections += 1;
    });
    lab.route({ backends: [backend] });
    const client = lab.dial(t);
    for (let index = 1; index <= 5; index += 1) {
      client.socket.write(`GET /${String(index)} HTTP/1.1\r\nHost: hello.localhost\r\n\r\n`);
      assert.is(field(await lab.line(), "path"), `/${String(index)}`);
    }
    assert.is(connections, 1);
    client.socket.write(
      "GET /a HTTP/1.1\r\nHost: hello.localhost\r\n\r\nGET /b HTTP/1.1\r\nHost: hello.localhost\r\nConnection: close\r\n\r\n",
    );
    assert.is((await client.all()).split("HTTP/1.1 200 OK").length, 8);
  });

  test("the least busy process is chosen, equals take turns", async (t) => {
    const lab = await Lab.start(t);
    let release = nothing;
    const inApp = latch();
    const backends = await Promise.all(
      ["web.1", "web.2"].map(async (ps) =>
        web(
          t,
          (request, response) => {
            if (request.url !== "/wait") {
              response.end(ps);
              return;
            }
            release = () => response.end(ps);
            inApp.open();
          },
          ps,
        ),
      ),
    );
    lab.route({ backends });
    const seen = new Map<string, number>();
    for (let index = 0; index < 10; index += 1) {
      const { text } = await lab.ask();
      seen.set(text, (seen.get(text) ?? 0) + 1);
    }
    assert.equal([seen.get("web.1"), seen.get("web.2")], [5, 5]);
    const waiting = lab.ask({ path: "/wait" });
    await inApp.opened;
    const others = [await lab.ask(), await lab.ask(), await lab.ask()];
    release();
    const { text } = await waiting;
    assert.ok(others.every((reply) => reply.text !== text));
  });
});
