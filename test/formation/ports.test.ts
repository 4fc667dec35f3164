/** Ports: never one in use, never one just used. Those of the tests are neither of the range in which platforms of other
 *  tests have theirs, nor of the one in which systems choose. */
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import * as assert from "uvu/assert";
import type { Clock } from "../../src/core/clock.ts";
import { PortAllocator } from "../../src/formation/ports.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";
import type { TestContext } from "../support/suite.ts";
import { MISSING_PROC, realClock } from "./support.ts";

async function listen(t: TestContext, port: number, host: string): Promise<Server> {
  const server = createServer((socket) => socket.destroy()).listen(port, host);
  await once(server, "listening");
  t.after(() => server.close());
  return server;
}

describe("ports", (test) => {
  test("a port that somebody has is passed over", async (t) => {
    const server = await listen(t, 0, "127.0.0.1");
    const { port: first } = server.address() as AddressInfo;
    const ports = new PortAllocator({ clock: realClock, random: () => 0, first, last: first + 20 });
    const port = await ports.allocate();
    assert.ok(port > first && port <= first + 20);
  });

  test("a port is given once, and rests for a minute while there are others", async () => {
    let now = 0;
    const clock: Clock = { now: () => now, sleep: () => Promise.resolve() };
    const ports = new PortAllocator({ clock, random: () => 0.999, first: 31_700, last: 31_702 });
    const given = [await ports.allocate(), await ports.allocate(), await ports.allocate()];
    assert.equal(
      given.sort((a, b) => a - b),
      [31_700, 31_701, 31_702],
    );
    await refuses("unavailable", () => ports.allocate());
    ports.release(31_702);
    now = 30_000;
    ports.release(31_701);
    now = 60_000;
    assert.is(await ports.allocate(), 31_702);
    // There is no other now.
    assert.is(await ports.allocate(), 31_701);
    await refuses("unavailable", () => ports.allocate());
  });

  test("a port of an adopted process is not given away", async () => {
    const ports = new PortAllocator({ clock: realClock, random: () => 0, first: 31_710, last: 31_711 });
    ports.reserve(31_710);
    assert.is(await ports.allocate(), 31_711);
  });

  test.needing(
    MISSING_PROC,
    "another platform passes over what one has given out, before anybody listens",
    async () => {
      const [one, other] = [1, 2].map(
        () => new PortAllocator({ clock: realClock, random: () => 0, first: 31_720, last: 31_721 }),
      ) as [PortAllocator, PortAllocator];
      assert.equal([await one.allocate(), await other.allocate()], [31_720, 31_721]);
      await refuses("unavailable", () => other.allocate());
      one.release(31_720);
      assert.is(await other.allocate(), 31_720);
      await refuses("unavailable", () => one.allocate());
    },
  );
});
