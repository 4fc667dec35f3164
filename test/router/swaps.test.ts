import { connect } from "node:net";
import { Agent, request as httpRequest } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import * as assert from "uvu/assert";
import type { Backend } from "../../src/router/route-table.ts";
import { Router } from "../../src/router/router.ts";
import { describe } from "../support/suite.ts";
import { field, Lab, latch, nothing, rawWeb, stop, web } from "./lab.ts";

describe("router swaps", (test) => {
  test("twenty releases under load, no request fails", async (t) => {
    const lab = await Lab.start(t);
    const start = async (release: number): Promise<Awaited<ReturnType<typeof web>>> =>
      web(t, (request, response) => {
        request.resume();
        if (request.url === "/slow") setTimeout(() => response.end(String(release)), 30);
        else request.on("end", () => response.end(String(release)));
      });
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    t.after(() => agent.destroy());
    const failures: string[] = [];
    let done = 0;
    const over = new AbortController();
    const send = async (number: number): Promise<void> =>
      new Promise((resolve) => {
        const method = number % 3 === 0 ? "POST" : "GET";
        const request = httpRequest({
          host: "127.0.0.1",
          port: lab.router.port,
          agent,
          method,
          path: number % 10 === 0 ? "/slow" : "/",
          headers: { Host: "hello.localhost" },
        });
        request.on("response", (response) => {
          if (response.statusCode !== 200) failures.push(`${method} ${String(response.statusCode)}`);
          response.resume().on("end", resolve);
        });
        request.on("error", (error) => {
          failures.push(`${method} ${error.message}`);
          resolve();
        });
        request.end(method === "POST" ? "x".repeat(2_000) : undefined);
      });
    const worker = async (): Promise<void> => {
      while (!over.signal.aborted) {
        done += 1;
        await send(done);
      }
    };
    let current = await start(0);
    lab.route({ backends: [current] });
    const workers = Array.from({ length: 16 }, worker);
    for (let release = 1; release <= 20; release += 1) {
      const next = await start(release);
      lab.route({ backends: [next] });
      assert.is(await lab.router.drained(current, 60_000), true);
      for (let extra = 0; extra < 10; extra += 1) {
        done += 1;
        await send(done);
      }
      // Nothing is connected any more, so closing is over at once.
      await stop(current.server);
      current = next;
    }
    over.abort();
    await Promise.all(workers);
    assert.equal(failures, []);
    assert.ok(done > 200);
    assert.is(lab.lines.filter((line) => field(line, "status") !== "200").length, 0);
    assert.is(lab.lines.length, done);
  });

  test("drained waits for the last request and closes idle connections", async (t) => {
    const lab = await Lab.start(t);
    let finish = nothing;
    const backend = await web(t, (request, response) => {
      if (request.url === "/slow") finish = () => response.end("slow");
      else response.end("quick");
    });
    const sockets = new Set<unknown>();
    backend.server.on("request", (request) => request.url === "/slow" && arrived.open());
    backend.server.on("connection", (socket) => {
      sockets.add(socket);
      socket.on("close", () => {
        sockets.delete(socket);
        if (sockets.size === 0) closed.open();
      });
    });
    const arrived = latch();
    const closed = latch();
    lab.route({ backends: [backend] });
    const slow = lab.ask({ path: "/slow" });
    await arrived.opened;
    await lab.ask();
    const other = await web(t, (_, response) => response.end("new"), "web.2");
    lab.route({ backends: [other] });
    assert.is((await lab.ask()).text, "new");
    assert.is(await lab.router.drained(backend, 100), false);
    const drained = lab.router.drained(backend, 60_000);
    finish();
    assert.is(await drained, true);
    assert.is((await slow).text, "slow");
    await closed.opened;
    assert.is(await lab.router.drained(backend, 0), true);
    assert.is(await lab.router.drained({ host: "127.0.0.1", port: 1 }, 0), true);
  });

  test("setting the same processes again keeps their connections", async (t) => {
    const lab = await Lab.start(t);
    const backend = await web(t, (_, response) => response.end("hi"));
    let connections = 0;
    backend.server.on("connection", () => {
      connections += 1;
    });
    for (let turn = 0; turn < 5; turn += 1) {
      lab.route({ backends: [backend], domains: [`d${String(turn)}.example.com`] });
      await lab.ask();
    }
    assert.is(connections, 1);
  });

  test("a retry looks at the table of its moment", async (t) => {
    const lab = await Lab.start(t);
    const next = await web(t, (_, response) => response.end("next"), "web.2");
    let first = true;
    const old: Backend = await rawWeb(t, (socket) => {
      socket.on("data", () => {
        if (first) {
          first = false;
          socket.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold");
          return;
        }
        // The new release takes over while this request is here.
        lab.route({ backends: [next] });
        socket.destroy();
      });
    });
    lab.route({ backends: [old] });
    assert.is((await lab.ask()).text, "old");
    assert.is((await lab.ask()).text, "next");
  });

  test("close: running requests finish, held ones are told, idle clients go", async (t) => {
    const lab = await Lab.start(t, { closeMs: 10_000 });
    let finish = nothing;
    const arrived = latch();
    const backend = await web(t, (request, response) => {
      if (request.url !== "/slow") {
        response.end("hi");
        return;
      }
      finish = () => response.end("finished");
      arrived.open();
    });
    lab.route({ backends: [backend] });
    lab.route({ app: "starting", state: "starting" });
    const idle = lab.dial(t, "GET / HTTP/1.1\r\nHost: hello.localhost\r\n\r\n");
    await idle.until("hi");
    const held = lab.ask({ host: "starting.localhost" });
    const running = lab.dial(t, "GET /slow HTTP/1.1\r\nHost: hello.localhost\r\n\r\n");
    await arrived.opened;
    const closed = lab.router.close();
    assert.is((await held).status, 500);
    await idle.closed;
    const refused = connect(lab.router.port, "127.0.0.1");
    const error = await new Promise<NodeJS.ErrnoException>((resolve) => {
      refused.on("error", resolve);
    });
    assert.is(error.code, "ECONNREFUSED");
    finish();
    await closed;
    assert.match(await running.all(), /Connection: close\r\n[^]*finished/);
    await lab.router.close();
  });

  test("close cuts what does not end in time", async (t) => {
    const lab = await Lab.start(t, { closeMs: 100 });
    lab.route({ backends: [await web(t, (_, response) => response.write("forever"))] });
    const client = lab.dial(t, "GET / HTTP/1.1\r\nHost: hello.localhost\r\n\r\n");
    await client.until("forever");
    await lab.router.close();
    await client.closed;
  });

  test("a busy port is node's own error", async (t) => {
    const lab = await Lab.start(t);
    const options = {
      host: "127.0.0.1",
      port: lab.router.port,
      clock: { now: Date.now, sleep: async (ms: number) => sleep(ms) },
      randomId: () => "",
      onRequests: () => undefined,
    };
    const error = await Router.listen(options).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.is((error as NodeJS.ErrnoException).code, "EADDRINUSE");
  });
});
