/** A port on the loopback that leads over a line to a platform elsewhere: for Heroku's own client and other programs that speak
 *  the Platform API over TCP. The other users of the machine can knock too, so a token of the door's own is asked for; what
 *  the platform knows the caller by is the line. */
import { timingSafeEqual, createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { AppError } from "../core/error.ts";
import { parseJson, readText } from "./exchange.ts";
import type { Line, StreamedAnswer } from "./line.ts";
import { RendezvousWays } from "./rendezvous-way.ts";

const HOST = "127.0.0.1";
/** Of one connection, not of what goes on behind it (RFC 9110, section 7.6.1); the door's own token; and who a client says to be. */
const DROPPED = new Set(
  "authorization connection content-length git-heroku-user keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade".split(
    " ",
  ),
);
/** Addresses that the platform gives out to be used without a token, with a code of 256 bits in them. */
const OWN_CODE = /^\/(?:log-sessions|outputs|sources)\/./;
/** Whose answers may say where to go on by TLS. */
const PROCESSES = /^\/apps\/[^/]+\/dynos$/;

export class ProxyDoor {
  readonly #server: Server;
  readonly #ways: RendezvousWays;

  private constructor(server: Server, ways: RendezvousWays) {
    this.#server = server;
    this.#ways = ways;
  }

  /** Rejects with the system's error, such as EADDRINUSE.
   *  @param port 0 for any free one */
  static async open(line: Line, { token, port }: { token: string; port: number }): Promise<ProxyDoor> {
    const ways = new RendezvousWays(line);
    const server = createServer((request, response) => {
      if (OWN_CODE.test(request.url ?? "") || isShown(request, token)) void pass({ line, ways }, request, response);
      else refuse(response, new AppError("unauthorized", "This is another user's door to a platform."));
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen({ host: HOST, port }, () => {
        server.off("error", reject);
        resolve();
      });
    });
    return new ProxyDoor(server, ways);
  }

  get url(): string {
    return `http://${HOST}:${String((this.#server.address() as AddressInfo).port)}`;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    this.#ways.close();
    await closed;
  }
}

/** As `Bearer TOKEN`, or as the password of Basic. */
function isShown({ headers }: IncomingMessage, token: string): boolean {
  const [, scheme = "", value = ""] = /^(bearer|basic) +(\S{1,2000})$/i.exec(headers.authorization ?? "") ?? [];
  const pair = Buffer.from(value, "base64").toString("utf8");
  const shown = scheme.toLowerCase() === "basic" ? pair.slice(pair.indexOf(":") + 1) : value;
  return timingSafeEqual(digestOf(shown), digestOf(token));
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

interface Way {
  line: Line;
  ways: RendezvousWays;
}

async function pass({ line, ways }: Way, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = "GET", url: path = "/", headers } = request;
  try {
    const hasBody = headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
    const length = headers["content-length"] === undefined ? {} : { "content-length": headers["content-length"] };
    const question = { method, path, headers: { ...keptOf(headers), ...length }, body: undefined };
    const answer = await line.send(question, hasBody ? request : undefined);
    if (method === "POST" && PROCESSES.test(path)) await passProcess(ways, answer, response);
    else passOn(answer, response);
  } catch (error) {
    if (response.headersSent) response.destroy();
    else refuse(response, error);
  }
}

function passOn(answer: StreamedAnswer, response: ServerResponse): void {
  const size = answer.headers["content-length"];
  response.writeHead(answer.statusCode ?? 502, {
    ...keptOf(answer.headers),
    ...(size !== undefined && { "content-length": size }),
  });
  // What goes on for long begins at once.
  response.flushHeaders();
  answer.on("error", () => response.destroy()).pipe(response);
  response.on("close", () => answer.destroy());
}

/** The platform's own rendezvous is on the platform's machine. */
async function passProcess(ways: RendezvousWays, answer: StreamedAnswer, response: ServerResponse): Promise<void> {
  let text = await readText(answer);
  const dyno = parseJson(text) as { attach_url?: unknown } | undefined;
  if (typeof dyno?.attach_url === "string") {
    text = JSON.stringify({ ...dyno, attach_url: await ways.addressFor(dyno.attach_url) });
  }
  response.writeHead(answer.statusCode ?? 502, {
    ...keptOf(answer.headers),
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}

function keptOf(headers: StreamedAnswer["headers"]): Record<string, string> {
  const kept = Object.entries(headers).filter(([name, value]) => value !== undefined && !DROPPED.has(name));
  return Object.fromEntries(kept.map(([name, value]) => [name, [value].flat().join(", ")]));
}

function refuse(response: ServerResponse, error: unknown): void {
  const known = error instanceof AppError ? error : new AppError("unavailable", "The platform is out of reach.");
  const { id, status, message, hint } = known;
  response.writeHead(status, { "content-type": "application/json; charset=utf-8", connection: "close" });
  response.end(JSON.stringify({ id, message, hint }));
}
