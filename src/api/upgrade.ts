/** An HTTP upgrade to the platform: the connection of an attached one-off process. */
import type { Duplex } from "node:stream";
import { explain, parseJson, readRefusal, readText } from "./exchange.ts";
import { openReach, type PlatformPlace } from "./reach.ts";

const PROTOCOL = "git-heroku-run";

/** @throws Unreachable, or the platform's AppError. */
export async function openUpgrade(place: PlatformPlace, path: string): Promise<Duplex> {
  const reach = await openReach(place, explain);
  return new Promise((resolve, reject) => {
    const outgoing = reach.request({ path, headers: { connection: "Upgrade", upgrade: PROTOCOL } });
    outgoing.on("upgrade", (_response, socket, head) => {
      socket.unshift(head);
      resolve(socket);
    });
    outgoing.on("response", (response) => {
      readText(response)
        .then((text) => reject(readRefusal(response.statusCode ?? 0, parseJson(text))))
        .catch(reject);
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) => reject(explain(error, place)));
    outgoing.on("close", () => reach.release());
    outgoing.end();
  });
}
