/** The TCP door: who is let in, as whom, and what no request may take of the platform. Raw bytes where a client library
 *  would be too polite. */
import { once } from "node:events";
import { createConnection } from "node:net";
import * as assert from "uvu/assert";
import fastify from "fastify";
import { warn } from "../../src/server/http-rules.ts";
import { createApp } from "../../src/platform/create-app.ts";
import { describe } from "../support/suite.ts";
import { poll } from "../support/poll.ts";
import { NED } from "../platform/lab.ts";
import { dial, hear, openDoor, type DoorLab } from "./door-lab.ts";

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1]);
}

function head({ token }: DoorLab, line: string): string {
  return `${line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n`;
}

describe("api door: who is let in", (test) => {
  const common = test.shared(openDoor);

  test("without a token: 401 for everything but health, and nothing is done", async () => {
    const { tcp, platform, token } = await common();
    const wrong = [null, "", "Bearer", "Bearer undefined", "Bearer git-heroku-x", basic("x", "y"), token, "Digest a=b"];
    for (const authorization of [...wrong, `Bearer ${token}x`, `Bearer ${token.slice(0, -1)}`]) {
      const answer = await tcp("GET", "/account", { authorization });
      assert.is(answer.status, 401, String(authorization));
      assert.is(answer.body.id, "unauthorized");
      assert.match(String(answer.headers["content-type"]), "application/json");
      assert.match(String(answer.headers["www-authenticate"]), /^Bearer /);
    }
    for (const [method, path] of [
      ["POST", "/apps"],
      ["GET", "/platform"],
      ["POST", "/platform/actions/stop"],
      ["GET", "/nosuch"],
      ["OPTIONS", "/apps"],
      ["GET", "/oauth/authorizations"],
      ["HEAD", "/apps"],
    ] as const)
      assert.is((await tcp(method, path, { authorization: null })).status, 401, path);
    assert.equal((await tcp("GET", "/health", { authorization: null })).body, { status: "ok" });
    assert.is(platform.list().length, 0);
  });

  test("of all routes these alone are open, and what they open is a secret", async () => {
    const { tcp, ask } = await common();
    const { body } = await ask("GET", "/schema");
    const routes = Object.entries(body.paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
    );
    assert.ok(routes.length > 100);
    const open: Record<string, number> = {};
    for (const { method, path } of routes) {
      const { status } = await tcp(method, path.replace(/\{\w+\}/g, "nosuch"), { authorization: null });
      if (status !== 401) open[`${method} ${path}`] = status;
    }
    assert.equal(open, {
      "GET /attachments/{name}": 400,
      "GET /rendezvous/{name}": 400,
      "GET /health": 200,
      "GET /log-sessions/{ticket}": 404,
      "GET /outputs/{ticket}": 404,
      "PUT /sources/{ticket}": 404,
    });
  });

  test("with one: as bearer, or as the password of any user", async () => {
    const { tcp, token } = await common();
    for (const authorization of [
      `Bearer ${token}`,
      `bearer  ${token}`,
      basic("", token),
      basic("kate:x", "").slice(0, 6) + Buffer.from(`heroku:${token}`).toString("base64"),
    ]) {
      const answer = await tcp("GET", "/account", { authorization });
      assert.is(answer.status, 200, authorization);
      assert.is(answer.body.email, "kate@foobazco.com");
    }
  });

  test("a person is the owner of the token, whatever the request says", async () => {
    const { tcp, platform } = await common();
    const headers = { "git-heroku-user": "Eve <eve@evil.example>" };
    assert.is((await tcp("POST", "/apps", { body: { name: "foobaz" }, headers })).status, 201);
    const release = await platform.app("foobaz").ledger.head();
    assert.equal([release?.by.email, release?.via], ["kate@foobazco.com", "api"]);
    assert.is((await tcp("DELETE", "/apps/foobaz")).status, 200);
  });

  test("what names files of the machine is not for tokens", async () => {
    const { tcp } = await common();
    const answer = await tcp("POST", "/restores", { body: { name: "x", path: "/etc", keys: {} } });
    assert.equal([answer.status, answer.body.id], [403, "forbidden"]);
  });

  test("a token that is revoked or expired lets nobody in at once", async () => {
    const { tcp, platform } = await common();
    const owner = { name: "Ned", email: "ned@foobazco.com" };
    const { token, about } = await platform.tokens.create({
      owner,
      isAdmin: true,
      description: "",
      lifetimeMs: 60_000,
    });
    const authorization = `Bearer ${token}`;
    assert.is((await tcp("GET", "/account", { authorization })).body.email, owner.email);
    await platform.tokens.revoke(about.id);
    assert.is((await tcp("GET", "/account", { authorization })).status, 401);
    const brief = await platform.tokens.create({ owner, isAdmin: true, description: "", lifetimeMs: 1 });
    await poll(() => Promise.resolve((brief.about.expiresAt ?? 0) < Date.now() ? true : undefined));
    assert.is((await tcp("GET", "/account", { authorization: `Bearer ${brief.token}` })).status, 401);
  });

  test("a name that it has elsewhere lets in those who use it, and no page of another name", async (t) => {
    const url = "https://heroku.foobazco.com";
    const { tcp, platform } = await openDoor(t, undefined, { publicUrl: url });
    await createApp(platform, "foobaz", NED);
    const asked = async (headers: Record<string, string>): Promise<unknown> => {
      const { status, body } = await tcp("GET", "/apps/foobaz", { headers });
      return status === 200 ? body.git_url : status;
    };
    const own = { host: "heroku.foobazco.com" };
    assert.is(await asked(own), `${url}/foobaz.git`);
    assert.is(await asked({ host: "Heroku.Foobazco.com", origin: url }), `${url}/foobaz.git`);
    assert.not.equal(await asked({ host: "127.0.0.1" }), 403);
    for (const headers of [
      { host: "heroku.foobazco.com.evil.example" },
      { host: "apps.foobazco.com" },
      { host: "heroku.foobazco.com:8443" },
      { host: "10.0.0.7" },
      { ...own, origin: "http://heroku.foobazco.com" },
      { ...own, origin: "https://foobaz.foobazco.com" },
      { ...own, "sec-fetch-site": "same-site" },
    ]) {
      assert.is(await asked(headers), 403, JSON.stringify(headers));
    }
    const session = await tcp("POST", "/apps/foobaz/log-sessions", { headers: own, body: {} });
    assert.ok(String(session.body.logplex_url).startsWith(`${url}/log-sessions/`));
  });

  test("a stream ends when its token is revoked", async () => {
    const { platform, port } = await common();
    const app = await createApp(platform, "foobaz", NED);
    const { token, about } = await platform.tokens.create({
      owner: NED.by,
      isAdmin: true,
      description: "",
      lifetimeMs: undefined,
    });
    const socket = await dial(port);
    const heard = hear(socket);
    socket.write(
      `GET /apps/foobaz/logs?tail=true HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    );
    await once(socket, "data");
    await platform.tokens.revoke(about.id);
    assert.is(statusOf(await heard), 200);
    assert.is(platform.app("foobaz"), app);
  });
});

describe("api door: pages in a browser", (test) => {
  const common = test.shared(openDoor);

  test("DNS rebinding: another Host header is refused, with a good token too", async () => {
    const { tcp, port, raw, token } = await common();
    for (const host of [
      "evil.example",
      `evil.example:${String(port)}`,
      "localhost.evil.example",
      "127.0.0.1.nip.io",
      "192.168.1.5",
    ]) {
      const answer = await tcp("GET", "/account", { headers: { host } });
      assert.equal([answer.status, answer.body.id], [403, "forbidden"], host);
    }
    for (const host of ["localhost", "LOCALHOST:1", `127.0.0.1:${String(port)}`, "[::1]:5001"])
      assert.is((await tcp("GET", "/account", { headers: { host } })).status, 200, host);
    assert.is(statusOf(await raw(`GET /account HTTP/1.0\r\nAuthorization: Bearer ${token}\r\n\r\n`)), 403);
    assert.is(statusOf(await raw(`GET /account HTTP/1.1\r\nAuthorization: Bearer ${token}\r\n\r\n`)), 400);
  });

  test("CSRF: a page of another site is refused, also of another port or app", async () => {
    const { tcp, port, platform } = await common();
    const host = `localhost:${String(port)}`;
    const pages: Record<string, string>[] = [
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: "http://localhost:5000" },
      { origin: "http://foobaz.localhost:5000" },
      { origin: `https://${host}` },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
    ];
    for (const page of pages) {
      const answer = await tcp("POST", "/apps", { headers: { host, ...page } });
      assert.equal([answer.status, answer.body.id], [403, "forbidden"], JSON.stringify(page));
      assert.is(answer.headers["access-control-allow-origin"], undefined);
    }
    assert.is(platform.list().length, 0);
    const own = { host, origin: `http://${host}`, "sec-fetch-site": "same-origin" };
    assert.is((await tcp("GET", "/account", { headers: own })).status, 200);
    assert.is((await tcp("GET", "/account", { headers: { host, "sec-fetch-site": "none" } })).status, 200);
  });

  test("health answers no foreign page either", async () => {
    const { tcp } = await common();
    assert.is((await tcp("GET", "/health", { authorization: null, headers: { host: "evil.example" } })).status, 403);
  });
});

describe("api door: what a path or a value may say", (test) => {
  const common = test.shared(openDoor);

  test("path traversal: no name leads out of where things of its kind are", async () => {
    const lab = await common();
    const app = await createApp(lab.platform, "foobaz", NED);
    const ways = [
      "..%2f..%2fformat",
      "%2e%2e%2fformat",
      "..%5c..%5cformat",
      "%2fetc%2fpasswd",
      "..",
      ".git",
      "a%00b",
      "-h",
      // Names of refs and what git makes of them.
      "refs%2fheads%2fmain",
      "refs%2f..%2f..%2fHEAD",
      "HEAD",
      "v2~1",
      "main@%7b1%7d",
    ];
    const places = [
      "/apps/WAY",
      "/apps/WAY/config-vars",
      "/apps/foobaz/releases/WAY",
      "/apps/foobaz/releases/WAY/diff",
      "/apps/foobaz/releases/WAY/output",
      "/apps/foobaz/slugs/WAY",
      "/apps/foobaz/dynos/WAY",
      "/apps/foobaz/log-drains/WAY",
      "/outputs/WAY",
      "/log-sessions/WAY",
      "/apps/foobaz/builds/WAY",
      "/apps/foobaz/builds/WAY/output",
      "/apps/foobaz/log-segments/WAY",
      "/apps/foobaz/log-segments/WAY/index",
      "/apps/foobaz/logs?imported=WAY",
      "/apps/foobaz/config-history/WAY",
      "/oauth/authorizations/WAY",
    ];
    for (const place of places) {
      for (const way of ways) {
        const path = place.replace("WAY", way);
        // A client library would tidy the path up.
        const answer = await lab.raw(`${head(lab, `GET ${path}`)}Connection: close\r\n\r\n`);
        const isRefused =
          [400, 404, 422].includes(statusOf(answer)) && /"id":"(?:bad_request|not_found|invalid_params)"/.test(answer);
        // Without the last word some of them are another endpoint.
        assert.ok(
          isRefused || (way === ".." && statusOf(answer) === 200) || answer.endsWith("[]"),
          `${path}: ${answer}`,
        );
        assert.not.match(answer, /root:|\[core\]/);
      }
    }
    for (const name of ["../x", "..", "a/b", ".git", "-x", "x".repeat(200)])
      assert.is((await lab.tcp("POST", "/apps", { body: { name } })).status, 422, name);
    const imported = await lab.raw(
      `${head(lab, "POST /apps/foobaz/log-imports/..%2fx")}Connection: close\r\nContent-Type: application/x-ndjson\r\nContent-Length: 0\r\n\r\n`,
    );
    assert.is(statusOf(imported), 422);
    assert.is(app.isEnding, false);
    await lab.tcp("DELETE", "/apps/foobaz");
  });

  test("secrets: a token is in no refusal and no journal", async () => {
    const lab = await common();
    const secret = "git-heroku-s3cret";
    for (const answer of [
      await lab.tcp("GET", "/account", { authorization: `Bearer ${secret}` }),
      await lab.tcp("GET", "/account", { authorization: basic("kate", secret) }),
      await lab.tcp("GET", "/account", { headers: { host: "evil.example" }, authorization: `Bearer ${secret}` }),
      await lab.tcp("GET", `/oauth/authorizations?token=${secret}x`, { headers: { range: "nosuch .." } }),
    ])
      assert.not.match(JSON.stringify([answer.headers, answer.body]), "s3cret");
    assert.not.match(lab.notes.join(), "s3cret");
    assert.equal(lab.takeFaults(), []);
  });

  test("header injection: a notice is one line of plain text", async () => {
    const lab = await common();
    const server = fastify();
    server.get("/", (_request, reply) => {
      warn(reply, "a\r\nSet-Cookie: x=y\u001b[31m ☹");
      return {};
    });
    const { headers } = await server.inject("/");
    assert.is(headers["x-heroku-warning"], "a?Set-Cookie: x=y?[31m ?");
    assert.is(headers["set-cookie"], undefined);
    assert.is((await lab.tcp("GET", "/apps/a%0d%0aX:%20y")).headers["x"], undefined);
  });
});

describe("api door: limits", (test) => {
  const common = test.shared(openDoor);

  test("request smuggling: two ideas of where a body ends are no request", async () => {
    const lab = await common();
    const bodies = [
      "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX",
      "Content-Length: 6\r\nContent-Length: 5\r\n\r\n123456",
      "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
      "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
      "Content-Length: +6\r\n\r\n123456",
      "Content-Length : 6\r\n\r\n123456",
      "X: a\r\n Content-Length: 6\r\n\r\n123456",
      "X: a\u0000b\r\n\r\n",
      "X: a\nContent-Length: 6\r\n\r\n123456",
    ];
    for (const body of bodies) {
      const answer = await lab.raw(`${head(lab, "POST /apps")}Content-Type: application/json\r\n${body}`);
      assert.is(statusOf(answer), 400, JSON.stringify(body));
      assert.match(answer, '"id":"bad_request"');
    }
    assert.is(lab.platform.list().length, 0);
  });

  test("what is no HTTP, or a head that is too long, is told and hung up on", async () => {
    const lab = await common();
    assert.is(statusOf(await lab.raw("\u0016\u0003\u0001hello\r\n\r\n")), 400);
    const long = await lab.raw(`${head(lab, "GET /account")}X-Long: ${"x".repeat(20_000)}\r\n\r\n`);
    assert.is(statusOf(long), 431);
    assert.match(long, '"message":"The head of the request is too large."');
    assert.is(statusOf(await lab.raw(`${head(lab, `GET /${"x".repeat(20_000)}`)}\r\n`)), 431);
  });

  test("a body that is too large, or too deep, is refused", async () => {
    const { tcp, raw } = await common();
    const large = await tcp("POST", "/apps", { body: { name: "x".repeat(1024 * 1024) } });
    assert.equal([large.status, large.body.id], [400, "bad_request"]);
    for (const text of ["[".repeat(500_000), `{"name":${'{"a":'.repeat(40)}1${"}".repeat(41)}`]) {
      const lab = await common();
      const answer = await raw(
        `${head(lab, "POST /apps")}Connection: close\r\nContent-Type: application/json\r\nContent-Length: ${String(text.length)}\r\n\r\n${text}`,
      );
      assert.is(statusOf(answer), 400);
      assert.match(answer, "nested too deeply");
    }
  });

  test("without a token a body is not waited for", async () => {
    const { raw } = await common();
    const answer = await raw(
      "POST /apps HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{",
    );
    assert.is(statusOf(answer), 401);
    assert.match(answer, /^connection: close\r$/im);
  });

  test("slow-loris: a head or a body that comes by drops is given up", async (t) => {
    const lab = await openDoor(t, { headMs: 300, bodyMs: 300 });
    const silent = await lab.raw("");
    const dripping = await lab.raw("GET /account HTTP/1.1\r\nHost: local");
    const body = "Content-Type: application/json\r\nContent-Length: 10\r\n\r\n{";
    const halfBody = await lab.raw(`${head(lab, "POST /apps")}${body}`);
    const ndjson = await lab.raw(
      `${head(lab, "POST /apps/foobaz/log-imports/x")}Content-Type: application/x-ndjson\r\nContent-Length: 10\r\n\r\n{`,
    );
    assert.equal([dripping, halfBody].map(statusOf), [408, 408]);
    assert.match(dripping, '"id":"request_timeout"');
    assert.ok(silent === "" || statusOf(silent) === 408);
    assert.ok([404, 408].includes(statusOf(ndjson)), ndjson);
  });

  test("on the unix socket the same limits hold", async (t) => {
    const lab = await openDoor(t);
    const path = `${await t.tempDir()}/s`;
    await lab.server.listen({ path });
    const say = async (bytes: string): Promise<string> => {
      const socket = createConnection(path);
      const heard = hear(socket);
      socket.write(bytes, "latin1");
      return heard;
    };
    assert.is(statusOf(await say(`GET / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(20_000)}\r\n\r\n`)), 431);
    assert.is(statusOf(await say("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n")), 400);
    assert.is(statusOf(await say("GET /account HTTP/1.0\r\nHost: x\r\n\r\n")), 200);
  });
});
