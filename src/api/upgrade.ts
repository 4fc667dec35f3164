/** An HTTP upgrade over the platform's unix socket: the connection of an attached one-off process. */
import { createConnection } from "node:net";
import type { Duplex } from "node:stream";
import { explain, openAddress, parseJson, readRefusal, readText } from "./exchange.ts";

const PROTOCOL = "git-heroku-run";

/** @throws Unreachable, or the platform's AppError. */
export async function openUpgrade(home: string, path: string): Promise<Duplex> {
  const { request } = await import("node:http");
  return new Promise((resolve, reject) => {
    const address = openAddress(home);
    const outgoing = request({
      createConnection: () => createConnection(address.path),
      path,
      headers: { host: "localhost", connection: "Upgrade", upgrade: PROTOCOL },
    });
    outgoing.on("upgrade", (_response, socket, head) => {
      socket.unshift(head);
      resolve(socket);
    });
    outgoing.on("response", (response) => {
      readText(response)
        .then((text) => reject(readRefusal(response.statusCode ?? 0, parseJson(text))))
        .catch(reject);
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) => reject(explain(error)));
    outgoing.on("close", () => address.release());
    outgoing.end();
  });
}
