/** The Platform API for who comes over SSH, in front of the same routes as the unix socket. Whose key it is was found out
 *  before (`bin/ssh-gate`): nothing that a request says of that counts, and a key that was removed is answered no more. */
import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { FastifyInstance } from "fastify";
import { keyRemoved, type Visitor } from "../platform/visitor.ts";
import { answerClientError } from "./client-error.ts";
import { markVisitor } from "./door.ts";
import { HEAD_BYTES_MAX } from "./request-limits.ts";

/** A session belongs to one command, and ends with it. */
const KEEP_ALIVE_MS = 3_600_000;

interface Session {
  visitor: Visitor;
  /** Whether the key still lets somebody in. */
  holds: () => boolean;
}

export class SshDoor {
  readonly #server: Server;
  readonly #sessions = new Map<Socket, Session>();

  /** @param server must be ready */
  constructor(server: FastifyInstance) {
    this.#server = createServer({ maxHeaderSize: HEAD_BYTES_MAX, keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0 });
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket) => answerClientError(error, socket as never));
    this.#server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      const session = this.#sessions.get(request.socket);
      if (session === undefined || !session.holds()) return refuse(response);
      markVisitor(request, session.visitor);
      server.routing(request, response);
    });
    this.#server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) => {
      const session = this.#sessions.get(socket);
      if (session === undefined || !session.holds()) return void socket.destroy();
      endWithKey(session.visitor, socket);
      server.server.emit("upgrade", request, socket, head);
    });
  }

  /** The connection of one client. */
  enter(socket: Socket, session: Session): void {
    this.#sessions.set(socket, session);
    socket.once("close", () => this.#sessions.delete(socket));
    this.#server.emit("connection", socket);
    socket.resume();
  }

  close(): void {
    for (const socket of this.#sessions.keys()) socket.destroy();
  }
}

/** Requests see to that themselves; an upgraded connection is none any more. */
function endWithKey({ onRevoked }: Visitor, socket: Socket): void {
  const cut = (): void => void socket.destroy();
  onRevoked?.add(cut);
  socket.once("close", () => onRevoked?.delete(cut));
}

function refuse(response: ServerResponse): void {
  const { id, status, message, hint } = keyRemoved();
  const body = JSON.stringify({ id, message, hint });
  response.writeHead(status, STATUS_CODES[status], {
    "content-type": "application/json; charset=utf-8",
    connection: "close",
  });
  response.end(body);
}
