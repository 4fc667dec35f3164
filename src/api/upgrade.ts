/** An HTTP upgrade over a line to the platform: the connection of an attached one-off process. */
import type { RequestOptions } from "node:http";
import type { Duplex } from "node:stream";
import { parseJson, readRefusal, readText } from "./exchange.ts";

const PROTOCOL = "git-heroku-run";

/** @throws the platform's AppError, or the connection's own error. */
export async function upgradeBy(way: RequestOptions, path: string): Promise<Duplex> {
  const { request } = way.protocol === "https:" ? await import("node:https") : await import("node:http");
  return new Promise((resolve, reject) => {
    const own = way.headers as Record<string, string> | undefined;
    const headers = { host: "localhost", ...own, connection: "Upgrade", upgrade: PROTOCOL };
    const outgoing = request({ ...way, path, headers });
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
