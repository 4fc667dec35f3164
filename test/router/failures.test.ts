import { spawn } from "node:child_process";
import { connect } from "node:net";
import { once } from "node:events";
import * as assert from "uvu/assert";
import { freePort } from "../support/http.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { field, Lab, latch, rawWeb, web } from "./lab.ts";

/** A process whose accept queue is full: the kernel answers no further connection. */
async function deafPort(t: TestContext): Promise<number> {
  const program =
    "const s=require('net').createServer();s.listen({port:0,host:'127.0.0.1',backlog:1},()=>{" +
    "require('fs').writeSync(1,String(s.address().port));Atomics.wait(new Int32Array(new SharedArrayBuffer(4)),0,0)})";
  const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"], env: {} });
  t.after(async () => {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  });
  const [text] = (await once(child.stdout, "data")) as [Buffer];
  const port = Number(String(text));
  for (;;) {
    const filler = connect(port, "127.0.0.1").on("error", () => undefined);
    t.after(() => filler.destroy());
    const full = await Promise.race([
      once(filler, "connect").then(() => false),
      new Promise<boolean>((resolve) => {
        // A connection that is there already is heard of first.
        const timer = setTimeout(() => setImmediate(resolve, true), 300);
        t.after(() => clearTimeout(timer));
      }),
    ]);
    if (full) return port;
  }
}

describe("router failures", (test) => {
  test("an unknown host gets the page of no app and no log line", async (t) => {
    const lab = await Lab.start(t);
    lab.route();
    const reply = await lab.ask({ host: "other.localhost" });
    assert.is(reply.status, 404);
    assert.match(reply.text, "<h1>No such app</h1>");
    assert.match(reply.headers["content-type"] ?? "", "text/html");
    assert.equal(lab.lines, []);
  });

  test("H10, H14, H80 and H81 follow the app's state", async (t) => {
    const lab = await Lab.start(t);
    const cases = [
      ["crashed", false, 'at=error code=H10 desc="App crashed"'],
      ["none", false, 'at=error code=H14 desc="No web processes running"'],
      ["up", true, 'at=info code=H80 desc="Maintenance mode"'],
      ["blank", false, 'at=info code=H81 desc="Blank app"'],
    ] as const;
    for (const [state, maintenance, start] of cases) {
      lab.route({ state, maintenance });
      const reply = await lab.ask({ path: "/a?b=1", headers: { "X-Request-Id": "abcdefghijklmnopqrst" } });
      const code = start.slice(start.indexOf("code=") + 5, start.indexOf(" desc"));
      assert.is(reply.status, 503, code);
      assert.match(reply.text, `code=${code}`);
      assert.is(
        await lab.line(),
        `hello ${start} method=GET path="/a?b=1" host=hello.localhost request_id=abcdefghijklmnopqrst fwd="127.0.0.1" ` +
          "dyno= connect= service= status=503 bytes= protocol=http",
      );
    }
  });

  test("maintenance holds although a process is up", async (t) => {
    const lab = await Lab.start(t);
    lab.route({ maintenance: true, backends: [await web(t, (_, response) => response.end("hi"))] });
    assert.match((await lab.ask()).text, "Offline for maintenance");
  });

  test("H11 when too many wait for the start", async (t) => {
    const lab = await Lab.start(t, { heldMax: 1, bootMs: 400 });
    lab.route({ state: "starting" });
    const [one, two] = await Promise.all([lab.ask(), lab.ask()]);
    assert.equal([one.status, two.status], [503, 503]);
    const codes = [field(await lab.line(), "code"), field(await lab.line(), "code")];
    assert.equal(codes, ["H11", "H20"]);
  });

  test("H12: no first byte in time, and the backend learns of it", async (t) => {
    const lab = await Lab.start(t, { firstByteMs: 150 });
    let gone: Promise<unknown> | undefined;
    const backend = await web(t, (_, response) => {
      gone = once(response, "close");
    });
    lab.route({ backends: [backend] });
    const reply = await lab.ask();
    assert.is(reply.status, 503);
    assert.match(reply.text, "code=H12");
    const line = await lab.line();
    assert.match(line, 'at=error code=H12 desc="Request timeout" method=GET');
    assert.is(field(line, "dyno"), "web.1");
    assert.ok(parseInt(field(line, "service") ?? "", 10) >= 140);
    await gone;
  });

  test("H12 counts from the end of a slow upload", async (t) => {
    const lab = await Lab.start(t, { firstByteMs: 2_000, idleMs: 60_000 });
    const backend = await web(t, (request, response) => {
      request.resume().on("end", () => response.end("taken"));
    });
    lab.route({ backends: [backend] });
    const client = lab.dial(
      t,
      "POST / HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: 4\r\nConnection: close\r\n\r\n",
    );
    for (const piece of ["a", "b", "c", "d"]) {
      await new Promise((resolve) => setTimeout(resolve, 600));
      client.socket.write(piece);
    }
    assert.match(await client.all(), "taken");
  });

  test("H13: closed without an answer; a POST is sent only once", async (t) => {
    const lab = await Lab.start(t);
    let requests = 0;
    const backend = await rawWeb(t, (socket) => {
      socket.on("data", () => {
        requests += 1;
        socket.destroy();
      });
    });
    lab.route({ backends: [backend] });
    const reply = await lab.ask({ method: "POST", body: "x" });
    assert.is(reply.status, 503);
    assert.match(await lab.line(), 'code=H13 desc="Connection closed without response"');
    assert.is(requests, 1);
    await lab.ask();
    assert.is(requests, 2, "a GET on a new connection is not repeated either");
  });

  test("a GET that met a closing idle connection is sent again", async (t) => {
    const lab = await Lab.start(t);
    let connections = 0;
    const backend = await rawWeb(t, (socket) => {
      connections += 1;
      let requests = 0;
      socket.on("data", () => {
        requests += 1;
        if (requests === 1) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        else socket.destroy();
      });
    });
    lab.route({ backends: [backend] });
    assert.is((await lab.ask()).status, 200);
    assert.is((await lab.ask()).status, 200);
    assert.is(connections, 2);
  });

  test("a POST that met a closing idle connection is not sent again", async (t) => {
    const lab = await Lab.start(t);
    const backend = await rawWeb(t, (socket) => {
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        socket.on("data", () => socket.destroy());
      });
    });
    lab.route({ backends: [backend] });
    await lab.ask();
    assert.is((await lab.ask({ method: "POST", body: "x" })).status, 503);
  });

  test("H15: silence in the middle", async (t) => {
    const lab = await Lab.start(t, { idleMs: 150 });
    const backend = await web(t, (_, response) => {
      response.write("first");
    });
    lab.route({ backends: [backend] });
    const client = lab.dial(t, "GET / HTTP/1.1\r\nHost: hello.localhost\r\n\r\n");
    assert.match(await client.all(), "first");
    const line = await lab.line();
    assert.match(line, 'at=error code=H15 desc="Idle connection"');
    assert.is(field(line, "bytes"), "5");
  });

  test("H17: what is not HTTP", async (t) => {
    const lab = await Lab.start(t);
    const backend = await rawWeb(t, (socket) => {
      socket.on("data", () => socket.end("SMTP ready\r\n\r\n"));
    });
    lab.route({ backends: [backend] });
    assert.is((await lab.ask()).status, 503);
    assert.is(field(await lab.line(), "code"), "H17");
  });

  test("H18: cut in the middle, and the client can tell", async (t) => {
    const lab = await Lab.start(t);
    const backend = await rawWeb(t, (socket) => {
      socket.on("data", () => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        setImmediate(() => socket.destroy());
      });
    });
    lab.route({ backends: [backend] });
    const error: unknown = await lab.ask().catch((reason: unknown) => reason);
    assert.is((error as NodeJS.ErrnoException).code, "ECONNRESET");
    const line = await lab.line();
    assert.match(line, 'sock=backend at=error code=H18 desc="Server Request Interrupted" method=GET');
    assert.is(field(line, "status"), "503");
    assert.is(field(line, "bytes"), "4");
  });

  test("H19: no connection in time, on two processes at most", async (t) => {
    const lab = await Lab.start(t, { connectMs: 1_000 });
    const port = await deafPort(t);
    lab.route({ backends: [{ ps: "web.1", host: "127.0.0.1", port }] });
    assert.is((await lab.ask({ method: "POST", body: "x" })).status, 503);
    const line = await lab.line();
    assert.match(line, 'code=H19 desc="Backend connection timeout"');
    assert.is(field(line, "service"), "");
    const good = await web(t, (_, response) => response.end("other"), "web.2");
    lab.route({ backends: [{ ps: "web.1", host: "127.0.0.1", port }, good] });
    const replies = await Promise.all([lab.ask(), lab.ask()]);
    assert.equal(
      replies.map((reply) => reply.text),
      ["other", "other"],
    );
  });

  test("H20 when the start takes too long; before that the request is held", async (t) => {
    const lab = await Lab.start(t, { bootMs: 200 });
    lab.route({ state: "starting" });
    const reply = await lab.ask();
    assert.is(reply.status, 503);
    assert.match(await lab.line(), 'at=error code=H20 desc="App boot timeout" method=GET');
  });

  test("requests held through a start are all served", async (t) => {
    const lab = await Lab.start(t);
    lab.route({ state: "starting" });
    const asked = Array.from({ length: 40 }, async (_, index) =>
      lab.ask(index % 2 === 0 ? {} : { method: "POST", body: String(index) }),
    );
    const backend = await web(t, (request, response) => request.pipe(response));
    lab.route({ state: "starting" });
    lab.route({ backends: [backend] });
    const replies = await Promise.all(asked);
    assert.ok(replies.every((reply) => reply.status === 200));
    assert.is(replies[39]?.text, "39");
  });

  test("a held request meets what the app became", async (t) => {
    const lab = await Lab.start(t);
    lab.route({ state: "starting" });
    const held = lab.dial(t, "GET / HTTP/1.1\r\nHost: hello.localhost\r\nConnection: close\r\n\r\n");
    await once(held.socket, "connect");
    // A second exchange on its own connection says that the first has been read.
    await lab.ask({ host: "nobody.localhost" });
    lab.route({ state: "crashed" });
    assert.match(await held.all(), "code=H10");
  });

  test("H21 when all processes refuse, H10 when they have crashed", async (t) => {
    const lab = await Lab.start(t);
    const backends = [
      { ps: "web.1", host: "127.0.0.1", port: await freePort() },
      { ps: "web.2", host: "127.0.0.1", port: await freePort() },
    ];
    lab.route({ backends });
    assert.is((await lab.ask({ method: "POST", body: "x" })).status, 503);
    const line = await lab.line();
    assert.match(line, 'code=H21 desc="Backend connection refused"');
    assert.ok(/^\d+ms$/.test(field(line, "connect") ?? ""));
    lab.route({ backends, state: "crashed" });
    await lab.ask();
    assert.is(field(await lab.line(), "code"), "H10");
  });

  test("a refused request goes to another process, body and all", async (t) => {
    const lab = await Lab.start(t);
    const good = await web(t, (request, response) => request.pipe(response), "web.2");
    const backends = [{ ps: "web.1", host: "127.0.0.1", port: await freePort() }, good];
    lab.route({ backends });
    for (const text of ["one", "two", "three"]) {
      const reply = await lab.ask({ method: "POST", body: text });
      assert.is(reply.text, text);
      assert.is(field(await lab.line(), "dyno"), "web.2");
    }
  });

  test("H27: the client went away, held or served, and the backend is told", async (t) => {
    const lab = await Lab.start(t);
    const inApp = latch();
    let told: Promise<unknown> | undefined;
    const backend = await web(t, (_, response) => {
      told = once(response, "close");
      inApp.open();
    });
    lab.route({ backends: [backend] });
    const client = lab.dial(t, "GET /slow HTTP/1.1\r\nHost: hello.localhost\r\n\r\n");
    await inApp.opened;
    client.socket.destroy();
    const line = await lab.line();
    assert.match(line, 'sock=client at=warning code=H27 desc="Client Request Interrupted" method=GET path="/slow"');
    assert.is(field(line, "status"), "499");
    await told;

    lab.route({ state: "starting" });
    const held = lab.dial(t, "GET / HTTP/1.1\r\nHost: hello.localhost\r\n\r\n");
    await once(held.socket, "connect");
    await lab.ask({ host: "nobody.localhost" });
    held.socket.destroy();
    assert.is(field(await lab.line(), "code"), "H27");
  });

  test("H27 in the middle of an upload", async (t) => {
    const lab = await Lab.start(t);
    let told: Promise<unknown> | undefined;
    const inApp = latch();
    const backend = await web(t, (request) => {
      request.on("error", () => undefined);
      told = new Promise((resolve) => {
        request.on("close", resolve);
      });
      request.once("data", inApp.open);
    });
    lab.route({ backends: [backend] });
    const client = lab.dial(t, "POST / HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: 100\r\n\r\nsome");
    await inApp.opened;
    client.socket.destroy();
    assert.is(field(await lab.line(), "code"), "H27");
    await told;
  });

  test("H28: the client stops in the middle of its upload", async (t) => {
    const lab = await Lab.start(t, { idleMs: 150 });
    const backend = await web(t, (request) => {
      request.on("error", () => undefined).resume();
    });
    lab.route({ backends: [backend] });
    const client = lab.dial(t, "POST / HTTP/1.1\r\nHost: hello.localhost\r\nContent-Length: 100\r\n\r\nsome");
    assert.is(await client.all(), "");
    const line = await lab.line();
    assert.match(line, 'code=H28 desc="Client Connection Idle"');
    assert.is(field(line, "status"), "499");
  });

  test("H26: a request line or a header over 8 KB", async (t) => {
    const lab = await Lab.start(t);
    lab.route({ backends: [await web(t, (_, response) => response.end("hi"))] });
    assert.is((await lab.ask({ path: `/${"a".repeat(8_200)}` })).status, 414);
    const line = await lab.line();
    assert.is(field(line, "code"), "H26");
    assert.ok(line.length < 2_600, "and the line stays short");
    assert.is((await lab.ask({ headers: { "X-Long": "b".repeat(8_200) } })).status, 431);
    assert.is((await lab.ask({ headers: { "X-Long": "b".repeat(70_000) } })).status, 431);
    assert.is((await lab.ask({ headers: { "X-Long": "b".repeat(8_000) } })).status, 200);
    const many = Object.fromEntries(Array.from({ length: 1_001 }, (_, index) => [`x-${String(index)}`, "1"]));
    assert.is((await lab.ask({ headers: many })).status, 431);
  });

  test("a request that comes drop by drop is given up", async (t) => {
    const lab = await Lab.start(t, { requestHeadMs: 200 });
    lab.route();
    const client = lab.dial(t, "GET / HTTP/1.1\r\nHost: hello.localhost\r\nX-Slow: ");
    assert.match(await client.all(), /^HTTP\/1\.1 408 /);
  });
});
