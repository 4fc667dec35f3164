/** The HTTP front of all apps: finds the app by Host and carries requests to its web processes. */
import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import { type AddressInfo, Server as NetServer, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "../core/clock.ts";
import type { ExchangeContext, Incoming } from "./context.ts";
import { Exchange } from "./exchange.ts";
import { FAILURES } from "./failure.ts";
import { type Latest, refuseUnparsed } from "./unparsed.ts";
import { parseTarget } from "./host-name.ts";
import { answerFailure } from "./page.ts";
import { QuietWatch } from "./quiet-watch.ts";
import { type AppRoute, RouteTable } from "./route-table.ts";
import { DEFAULT_ROUTER_SETTINGS, type RouterSettings } from "./settings.ts";
import { type Address, UpstreamSet } from "./upstream.ts";
import { TurnEnd } from "./turn-end.ts";
import type { HomeSettings } from "./wire.ts";
import { isTunnelRequest, readAsPlainRequest, TUNNELS_ONLY } from "./upgrade.ts";

export interface RouterOptions {
  readonly host: string;
  /** 0: any free one. Or the listening socket of another router, which goes on with it too until it drains. */
  readonly port: number | NetServer;
  /** The table to begin with, so that no request meets an empty one. */
  readonly routes?: readonly AppRoute[];
  readonly clock: Clock;
  /** A new UUID for a request that brings no id of its own. */
  readonly randomId: () => string;
  /** Gets the log lines of finished requests, those of one turn of the event loop together. Their answers end when it has
   *  returned. */
  readonly onRequests: (app: string, lines: readonly string[]) => void;
  /** A request waits for an app whose state is `idle`; told once a second while one does and nothing changes. */
  readonly onWake?: (app: string) => void;
  /** The app has had no traffic for its `quietMs`; told again after each further quiet time. */
  readonly onQuiet?: (app: string) => void;
  readonly settings?: Partial<RouterSettings>;
}

export class Router {
  readonly port: number;
  private readonly server: Server;
  private readonly upstreams: UpstreamSet;
  private readonly table: RouteTable;
  private readonly context: ExchangeContext;
  /** Connections that node no longer counts as its own: upgraded ones. */
  private readonly rawSockets = new Set<Socket>();
  /** The latest request of each connection. */
  private readonly latest = new WeakMap<Duplex, Latest>();
  private closed: Promise<void> | undefined;
  /** Resolves when the last connection is gone. */
  private deserted: Promise<void> | undefined;

  private constructor(server: Server, settings: RouterSettings, options: RouterOptions) {
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
    const { clock, randomId, onRequests, onWake = nobody, onQuiet = nobody } = options;
    const turnEnd = new TurnEnd(onRequests);
    this.upstreams = new UpstreamSet({ settings, clock, turnEnd });
    this.table = new RouteTable(settings, this.upstreams, (app) => new QuietWatch(clock, () => onQuiet(app)));
    const { table, port } = this;
    const state = { draining: false, closing: false, cutting: false };
    this.context = { table, settings, clock, randomId, turnEnd, onWake, port, ...state };
  }

  /** @throws node's own error, such as EADDRINUSE. */
  static async listen(options: RouterOptions): Promise<Router> {
    const settings = { ...DEFAULT_ROUTER_SETTINGS, ...options.settings };
    const server = createServer({
      maxHeaderSize: settings.requestHeadMax,
      headersTimeout: settings.requestHeadMs,
      // A whole upload may take as long as it moves; silence in it ends it (H28).
      requestTimeout: 0,
      connectionsCheckingInterval: Math.min(30_000, settings.requestHeadMs),
      keepAliveTimeout: settings.clientKeepAliveMs,
      requireHostHeader: false,
      noDelay: true,
      ...TUNNELS_ONLY,
    });
    // One more than allowed, because node drops the rest without a word.
    server.maxHeadersCount = settings.headerCountMax + 1;
    await listen(server, options);
    // In the turn of `listening`: nothing was accepted before.
    const router = new Router(server, settings, options);
    for (const route of options.routes ?? []) router.setApp(route);
    router.serve();
    return router;
  }

  /** To be handed to another process. */
  get listener(): NetServer {
    return this.server;
  }

  get routes(): AppRoute[] {
    return this.table.list();
  }

  get homeSettings(): HomeSettings {
    const { settings } = this.context;
    const { baseDomains, trustedProxies, clientKeepAliveMs, closeMs, drainMs, requestHeadMs } = settings;
    return { baseDomains, trustedProxies, clientKeepAliveMs, closeMs, drainMs, requestHeadMs };
  }

  configure(given: HomeSettings): void {
    const { context, server } = this;
    context.settings = { ...context.settings, ...given };
    server.headersTimeout = context.settings.requestHeadMs;
    server.keepAliveTimeout = context.settings.clientKeepAliveMs;
    this.table.rename(context.settings.baseDomains);
  }

  /** Replaces the app's entry; requests that wait for the app ask the new one. */
  setApp(route: AppRoute): void {
    this.table.set(route);
  }

  removeApp(app: string): void {
    this.table.remove(app);
  }

  /** Resolves true once the process has no request in flight and no connection, false when that took longer. Take
   *  the process out of its app's entry first. */
  async drained(backend: Address, timeoutMs: number): Promise<boolean> {
    const upstream = this.upstreams.find(backend);
    if (upstream === undefined) return true;
    const idle = await upstream.idle(timeoutMs);
    if (idle && upstream.inFlight === 0) upstream.closeConnections();
    return idle;
  }

  /** Stops accepting and resolves when everybody is gone: what is under way goes on by the table as before, and idle
   *  clients stay until their next answer, which is their connection's last, or their usual time is over; no client's
   *  request can cross with the end of its connection. After `drainMs` cuts what is left. */
  async drain(): Promise<void> {
    const { context, server } = this;
    context.draining = true;
    this.table.stopWatching();
    const cap = setTimeout(() => {
      context.cutting = true;
      server.closeAllConnections();
      for (const socket of this.rawSockets) socket.destroy();
    }, context.settings.drainMs);
    await this.stopListening();
    clearTimeout(cap);
    this.table.clear();
    this.upstreams.closeConnections();
  }

  private stopListening(): Promise<void> {
    this.deserted ??= new Promise<void>((resolve) => {
      // The http server's own `close` ends idle connections.
      NetServer.prototype.close.call(this.server, () => afterCloseEvents(resolve));
    }).then(() => this.context.turnEnd.writeLines());
    return this.deserted;
  }

  /** Stops accepting, lets running requests finish for a while, then cuts what is left. */
  async close(): Promise<void> {
    this.closed ??= this.shutDown();
    return this.closed;
  }

  private serve(): void {
    this.server
      .on("request", (request, response) => this.handle({ request, response }))
      .on("checkContinue", (request, response) => this.handle({ request, response, expectsContinue: true }))
      .on("checkExpectation", (request, response) => this.handle({ request, response, expectsMore: true }))
      .on("upgrade", (request, socket, head) => this.handleUpgrade(request, socket as Socket, head))
      .on("clientError", (error, socket) => {
        refuseUnparsed(error, socket as Socket, this.latest.get(socket));
      })
      // Out of descriptors, say: the connection is lost, the router is not.
      .on("error", () => undefined);
  }

  private handle(incoming: Incoming): void {
    const { request, response } = incoming;
    const latest: Latest = { response, exchange: undefined };
    this.latest.set(request.socket, latest);
    const target = parseTarget(request.url ?? "", request.rawHeaders);
    const entry = target && this.table.find(target.host);
    if (target === undefined || entry === undefined) {
      if (incoming.expectsContinue === true || this.context.draining) response.shouldKeepAlive = false;
      answerFailure(response, target === undefined ? FAILURES.badRequest : FAILURES.noSuchApp);
      return;
    }
    latest.exchange = new Exchange(this.context, target, entry, incoming);
    latest.exchange.start();
  }

  private handleUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    if (!isTunnelRequest(request)) {
      readAsPlainRequest(this.server, request, socket, head);
      return;
    }
    this.rawSockets.add(socket);
    socket.on("close", () => this.rawSockets.delete(socket));
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    socket.on("error", () => undefined);
    socket.on("drain", () => response.emit("drain"));
    response.on("finish", () => {
      response.detachSocket(socket);
      socket.destroySoon();
    });
    this.handle({ request, response, upgradeHead: head });
  }

  private async shutDown(): Promise<void> {
    const { server, context } = this;
    context.draining = true;
    context.closing = true;
    const deserted = this.stopListening();
    server.closeIdleConnections();
    for (const socket of this.rawSockets) socket.destroy();
    this.table.clear();
    // Connections that become idle from now on.
    const sweep = setInterval(() => server.closeIdleConnections(), 50);
    const cap = setTimeout(() => {
      context.cutting = true;
      server.closeAllConnections();
    }, context.settings.closeMs);
    await deserted;
    clearInterval(sweep);
    clearTimeout(cap);
    this.upstreams.closeConnections();
  }
}

function listen(server: Server, { host, port }: RouterOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const listening = (): void => {
      server.off("error", reject);
      resolve();
    };
    server.once("error", reject);
    if (typeof port === "number") server.listen(port, host, listening);
    else server.listen(port, listening);
  });
}

/** A server is closed before the last of its connections has said so, and with it a request that was cut (H24). */
function afterCloseEvents(act: () => void): void {
  // They come behind the first turn at the latest.
  setImmediate(() => setImmediate(act));
}

function nobody(): void {
  // Nobody wants to be told.
}
