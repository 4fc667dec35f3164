/** The TCP side of the Platform API: a port on the loopback, in front of the same routes as the unix socket. Who comes
 *  this way is a stranger until a token says otherwise (`door.ts`). */
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import { answerClientError } from "./client-error.ts";
import { OutsideRequest } from "./door.ts";
import { awaitContinue, HEAD_BYTES_MAX, REQUEST_LIMITS } from "./request-limits.ts";

const HOST = "127.0.0.1";
/** Each follower of a log needs one. The unix socket has none of this: who can use up connections here shuts nobody
 *  out of there. */
const CONNECTIONS_MAX = 512;
const KEEP_ALIVE_MS = 60_000;
/** How often Node looks for heads that are late. */
const CHECK_MS = 1_000;

export class TcpDoor {
  readonly port: number;
  readonly #server: Server;
  readonly #waiting: Parameters<RequestListener>[];

  private constructor(server: Server, waiting: Parameters<RequestListener>[]) {
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
    this.#waiting = waiting;
  }

  /** Requests wait until `open`. Rejects with the system's error, such as EADDRINUSE.
   *  @param headMs milliseconds until the head of a request must be there */
  static async listen(port: number, headMs: number = REQUEST_LIMITS.headMs): Promise<TcpDoor> {
    const server = createServer({
      IncomingMessage: OutsideRequest,
      maxHeaderSize: HEAD_BYTES_MAX,
      headersTimeout: headMs,
      // Bodies have a time of their own; what is uploaded as a stream may take long.
      requestTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: Math.min(CHECK_MS, headMs),
    });
    const waiting: Parameters<RequestListener>[] = [];
    server.on("request", (...request) => void waiting.push(request));
    server.maxConnections = CONNECTIONS_MAX;
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => answerClientError(error, socket as never));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen({ host: HOST, port }, () => {
        server.off("error", reject);
        resolve();
      });
    });
    return new TcpDoor(server, waiting);
  }

  get url(): string {
    return `http://${HOST}:${String(this.port)}`;
  }

  /** From now on the server, which must be ready, answers here too. */
  open(server: FastifyInstance): void {
    const listener: RequestListener = (request, response) => {
      if (!server.sameHeads.answer(request, response)) server.routing(request, response);
    };
    this.#server.removeAllListeners("request").on("request", listener);
    for (const request of this.#waiting.splice(0)) listener(...request);
    // Nobody is asked for a body before it is known who they are.
    this.#server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
      awaitContinue(request);
      listener(request, response);
    });
    this.#server.on("upgrade", (request, socket, head) => server.server.emit("upgrade", request, socket, head));
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}
