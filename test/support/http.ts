/** Requests to the router as a browser would make them: the app's name in the Host header, 127.0.0.1 as the address. */
import { request } from "node:http";
import { systemClock } from "../../src/bin/system-clock.ts";
import { PortAllocator } from "../../src/formation/ports.ts";
import { poll } from "./poll.ts";

export interface Answer {
  status: number;
  body: string;
  headers: Record<string, string | string[] | undefined>;
}

export function get(port: number, app: string, path = "/"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port, path, agent: false, headers: { host: `${app}.localhost` } };
    const outgoing = request(options, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (body += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
      response.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

/** Asks again until the answer is 200 and contains the text. The test's own time limit ends a vain wait. */
export async function getUntil(port: number, app: string, text: string): Promise<Answer> {
  return poll(async () => {
    const answer = await get(port, app).catch(() => undefined);
    return answer?.status === 200 && answer.body.includes(text) ? answer : undefined;
  });
}

/** Neither of the range in which platforms have theirs, nor of the one in which systems choose: what a system gives out,
 *  another program is given as soon as nobody listens there, or has as its own end of a connection. */
const PORTS = new PortAllocator({ clock: systemClock, random: () => Math.random(), first: 30_000, last: 31_699 });

/** A port that nobody has, and that no other test is given. */
export function freePort(): Promise<number> {
  return PORTS.allocate();
}
