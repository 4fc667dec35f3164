/** Which addresses nobody may have the platform send something to. */
import { connect, createServer, type AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import * as assert from "uvu/assert";
import { AddressGuard } from "../../src/outbound/address-guard.ts";
import { describe } from "../support/suite.ts";

const PUBLIC = ["8.8.8.8", "172.32.0.1", "2606:4700::1111", "foobazco.com"];
const REFUSED = [
  "0.0.0.0",
  "10.1.2.3",
  "100.64.0.1",
  "127.0.0.1",
  "127.255.255.254",
  "169.254.169.254",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.1.1",
  "224.0.0.1",
  "255.255.255.255",
  "::",
  "::1",
  "::ffff:127.0.0.1",
  "::ffff:7f00:1",
  "fc00::1",
  "fe80::1",
  "ff02::1",
];

describe("address guard", (test) => {
  test("special networks and the machine's own addresses are refused, what was allowed by name is not", () => {
    const guard = new AddressGuard();
    for (const host of PUBLIC) assert.ok(guard.allows(host), host);
    for (const host of REFUSED) assert.not.ok(guard.allows(host), host);
    for (const { address } of Object.values(networkInterfaces()).flatMap((all) => all ?? [])) {
      assert.not.ok(guard.allows(address), address);
    }
    const open = new AddressGuard(["10.1.0.0/16", "fc00::1", "127.0.0.1"]);
    for (const host of ["10.1.2.3", "fc00::1", "127.0.0.1"]) assert.ok(open.allows(host), host);
    for (const host of ["10.2.0.1", "fc00::2", "127.0.0.2"]) assert.not.ok(open.allows(host), host);
    for (const text of ["10.0.0.0/40", "localhost", "10.0.0/8", "10.0.0.0/x"]) {
      assert.throws(() => new AddressGuard([text]));
    }
  });

  test("a name is checked by what it leads to, in the very lookup of the connection", async (t) => {
    const server = createServer((socket) => socket.end("here"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const reach = (guard: AddressGuard): Promise<string> =>
      new Promise((resolve) => {
        const socket = connect({ host: "localhost", port, lookup: guard.lookup, family: 4 });
        socket.on("data", (bytes) => resolve(bytes.toString()));
        socket.on("error", (error) => resolve(error.message));
      });
    assert.match(await reach(new AddressGuard()), "not one that webhooks may be sent to");
    assert.is(await reach(new AddressGuard(["127.0.0.0/8"])), "here");
  });
});
