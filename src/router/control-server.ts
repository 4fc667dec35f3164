/** The router process's end of its unix socket: answers what daemons ask and tells all of them what happens. */
import { once } from "node:events";
import { chmodSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { readLines } from "./line-socket.ts";
import { formatNotice, parseCall, type RouterEvent, type RouterRequest, type RouterResults } from "./wire.ts";

type Handler<Op extends RouterRequest["op"]> = (
  request: Extract<RouterRequest, { op: Op }>,
) => RouterResults[Op] | Promise<RouterResults[Op]>;

export type ControlHandlers = { readonly [Op in RouterRequest["op"]]: Handler<Op> };

export interface ControlOptions {
  readonly handlers: ControlHandlers;
  /** The last daemon has gone. */
  readonly onAlone: () => void;
}

export class ControlServer {
  private readonly server: Server;
  private readonly options: ControlOptions;
  private readonly sockets = new Set<Socket>();

  private constructor(server: Server, options: ControlOptions) {
    this.server = server;
    this.options = options;
  }

  /** The file belongs to this process's user alone, from its first moment by the umask.
   *  @throws node's own error */
  static async listen(path: string, options: ControlOptions): Promise<ControlServer> {
    const server = createServer();
    const control = new ControlServer(server, options);
    server.on("connection", (socket) => control.welcome(socket));
    server.listen(path);
    await once(server, "listening");
    chmodSync(path, 0o600);
    // Out of descriptors, say: the connection is lost, the router is not.
    server.on("error", () => undefined);
    return control;
  }

  get isAlone(): boolean {
    return this.sockets.size === 0;
  }

  tell(event: RouterEvent): void {
    const line = formatNotice(event);
    for (const socket of this.sockets) socket.write(line);
  }

  private welcome(socket: Socket): void {
    this.sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.sockets.delete(socket);
      if (this.isAlone) this.options.onAlone();
    });
    readLines(socket, (line) => void this.answer(socket, line));
  }

  private async answer(socket: Socket, line: string): Promise<void> {
    try {
      const { id, request } = parseCall(line);
      const reply = await this.perform(request).then(
        (ok) => ({ id, ok }),
        (error: unknown) => ({ id, error: error instanceof Error ? error.message : String(error) }),
      );
      if (socket.writable) socket.write(formatNotice(reply));
    } catch {
      socket.destroy();
    }
  }

  private async perform(request: RouterRequest): Promise<RouterResults[RouterRequest["op"]]> {
    // Each request meets the handler of its own kind; the compiler cannot follow that through the union.
    const handler = this.options.handlers[request.op] as Handler<RouterRequest["op"]> | undefined;
    if (handler === undefined) throw new Error(`This router does not know ${request.op}.`);
    return handler(request);
  }

  /** Nobody new is let in; the connections end with the process, so that whoever sees their end knows of its. */
  close(): void {
    this.server.close();
  }
}
