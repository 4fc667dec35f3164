/** A router with real backends and real sockets, all gone when the test ends. */
import { randomUUID } from "node:crypto";
import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type RequestListener,
  type Server,
} from "node:http";
import {
  connect,
  createServer as createTcpServer,
  type AddressInfo,
  type Socket,
  type Server as TcpServer,
} from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../../src/core/clock.ts";
import { type AppRoute, type Backend } from "../../src/router/route-table.ts";
import { Router } from "../../src/router/router.ts";
import type { RouterSettings } from "../../src/router/settings.ts";
import type { TestContext } from "../support/suite.ts";

const clock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => sleep(ms, undefined, signal && { signal }).catch(() => undefined),
};

interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  rawHeaders: string[];
  trailers: NodeJS.Dict<string>;
  body: Buffer;
  text: string;
}

interface Ask {
  host?: string;
  method?: string;
  path?: string;
  headers?: Record<string, string | string[]>;
  body?: string | Buffer;
}

export class Lab {
  readonly router: Router;
  /** Log lines as `app line`. */
  readonly lines: string[] = [];
  /** Apps that were to be woken, or told to be quiet, in order. */
  readonly wakes: string[] = [];
  readonly quietApps: string[] = [];
  private readonly wanting: (() => void)[] = [];
  private read = 0;

  private constructor(router: Router) {
    this.router = router;
  }

  static async start(t: TestContext, settings: Partial<RouterSettings> = {}): Promise<Lab> {
    const logged: string[] = [];
    let lab: Lab | undefined;
    const router = await Router.listen({
      host: "127.0.0.1",
      port: 0,
      clock,
      randomId: randomUUID,
      onRequests: (app, lines) => {
        for (const line of lines) {
          const text = `${app} ${line}`;
          if (lab === undefined) logged.push(text);
          else lab.take(text);
        }
      },
      onWake: (app) => lab?.tell(lab.wakes, app),
      onQuiet: (app) => lab?.tell(lab.quietApps, app),
      settings: { closeMs: 300, ...settings },
    });
    lab = new Lab(router);
    t.after(() => router.close());
    return lab;
  }

  private take(text: string): void {
    this.lines.push(text);
    for (const wake of this.wanting.splice(0)) wake();
  }

  private tell(list: string[], app: string): void {
    list.push(app);
    for (const wake of this.wanting.splice(0)) wake();
  }

  private async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.wanting.push(resolve);
      });
    }
  }

  woken(): Promise<void> {
    return this.until(() => this.wakes.length > 0);
  }

  quiet(app: string): Promise<void> {
    return this.until(() => this.quietApps.includes(app));
  }

  /** The next log line that was not handed out yet. */
  async line(): Promise<string> {
    await this.until(() => this.read < this.lines.length);
    this.read += 1;
    return this.lines[this.read - 1] ?? "";
  }

  /** Routes the app `hello`. */
  route(change: Partial<AppRoute> = {}): void {
    this.router.setApp({ ...UP, ...change });
  }

  async ask(ask: Ask = {}): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        {
          host: "127.0.0.1",
          port: this.router.port,
          method: ask.method ?? "GET",
          path: ask.path ?? "/",
          agent: false,
          headers: { Host: ask.host ?? "hello.localhost", ...ask.headers },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () => {
            const body = Buffer.concat(chunks);
            const { statusCode: status = 0, headers, rawHeaders, trailers } = response;
            resolve({ status, headers, rawHeaders, trailers, body, text: body.toString() });
          });
        },
      );
      request.on("error", reject);
      request.end(ask.body);
    });
  }

  /** A bare connection to the router. */
  dial(t: TestContext, text = ""): RawClient {
    return new RawClient(t, connect(this.router.port, "127.0.0.1"), text);
  }
}

export class RawClient {
  readonly socket: Socket;
  received = "";
  readonly closed: Promise<void>;
  private readonly wanting = new Set<() => void>();

  constructor(t: TestContext, socket: Socket, text: string) {
    this.socket = socket;
    socket.setEncoding("latin1");
    socket.on("error", () => undefined);
    socket.on("data", (chunk: string) => {
      this.received += chunk;
      for (const check of this.wanting) check();
    });
    this.closed = new Promise((resolve) => {
      socket.on("close", () => resolve());
    });
    t.after(() => socket.destroy());
    if (text !== "") socket.write(text, "latin1");
  }

  /** Waits until what was received contains the text. */
  async until(text: string): Promise<void> {
    await new Promise<void>((resolve) => {
      const check = (): void => {
        if (!this.received.includes(text)) return;
        this.wanting.delete(check);
        resolve();
      };
      this.wanting.add(check);
      check();
    });
  }

  /** Everything up to the end of the connection. */
  async all(): Promise<string> {
    await this.closed;
    return this.received;
  }
}

const UP: AppRoute = { app: "hello", domains: [], maintenance: false, state: "up", backends: [] };

/** A web process by node:http. */
export async function web(
  t: TestContext,
  listener: RequestListener,
  ps = "web.1",
): Promise<Backend & { server: Server }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  t.after(() => stop(server));
  return { ps, host: "127.0.0.1", port: (server.address() as AddressInfo).port, server };
}

/** A web process that speaks bytes. */
export async function rawWeb(
  t: TestContext,
  onSocket: (socket: Socket) => void,
  ps = "web.1",
): Promise<Backend & { server: TcpServer }> {
  const server = createTcpServer((socket) => {
    socket.on("error", () => undefined);
    t.after(() => socket.destroy());
    onSocket(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  t.after(() => server.close());
  return { ps, host: "127.0.0.1", port: (server.address() as AddressInfo).port, server };
}

export async function stop(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** The value of one field of a log line, without quotes. */
export function field(line: string, name: string): string | undefined {
  const match = new RegExp(`(?:^| )${name}=(?:"([^"]*)"|(\\S*))(?: |$)`).exec(line);
  return match?.[1] ?? match?.[2];
}

interface Latch {
  readonly opened: Promise<void>;
  open: () => void;
}

export function latch(): Latch {
  let open = nothing;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

export function nothing(): void {
  // Stands where a handler is required.
}
