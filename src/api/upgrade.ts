/** An HTTP upgrade over a line to the platform: the connection of an attached one-off process. */
import type { ClientRequest } from "node:http";
import type { Duplex } from "node:stream";
import { parseJson, readRefusal, readText } from "./exchange.ts";

export const UPGRADE_HEADERS = { connection: "Upgrade", upgrade: "git-heroku-run" };

/** @throws the platform's AppError, or the connection's own error. */
export function awaitUpgrade(outgoing: ClientRequest): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    outgoing.on("upgrade", (_response, socket, head) => {
      socket.unshift(head);
      resolve(socket);
    });
    outgoing.on("response", (response) => {
      readText(response)
        .then((text) => reject(readRefusal(response.statusCode ?? 0, parseJson(text))))
        .catch(reject);
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}
