/** Web processes as the router sees them: a pool of connections and the count of requests in flight, kept for as long
 *  as the routing table or a running request needs it. The only importer of undici. */
import { buildConnector, Pool, type Dispatcher } from "undici";
import type { RouterSettings } from "./settings.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** undici's callback interface, the one that hands headers and chunks through untouched. */
export type DispatchHandler = Dispatcher.DispatchHandler;

export interface UpstreamRequest {
  readonly path: string;
  readonly method: string;
  readonly headers: string[];
  readonly upgrade: string | undefined;
  body: Dispatcher.DispatchOptions["body"];
}

export class Upstream {
  readonly key: string;
  /** Requests sent and not finished, upgraded connections included. */
  inFlight = 0;
  /** Entries of routing tables that name this process. */
  references = 0;
  /** H19, for connections from now on. */
  connectMs: number;
  private readonly address: Address;
  private readonly settings: RouterSettings;
  private readonly onUnused: (upstream: Upstream) => void;
  private readonly idleWaiters = new Set<() => void>();
  private pool: Pool | undefined;
  private connects = 0;

  constructor(address: Address, settings: RouterSettings, onUnused: (upstream: Upstream) => void) {
    this.key = keyOf(address);
    this.address = address;
    this.settings = settings;
    this.connectMs = settings.connectMs;
    this.onUnused = onUnused;
  }

  /** Sends one request, which counts as in flight until `finished`; true when a new connection was opened for it. */
  send(request: UpstreamRequest, handler: DispatchHandler): boolean {
    this.inFlight += 1;
    this.pool ??= this.open();
    const before = this.connects;
    this.pool.dispatch(request as Dispatcher.DispatchOptions, handler);
    return this.connects !== before;
  }

  finished(): void {
    this.inFlight -= 1;
    if (this.inFlight > 0) return;
    for (const wake of this.idleWaiters) wake();
    this.settle();
  }

  /** Resolves true at the first moment without a request in flight, false when that took longer. */
  async idle(timeoutMs: number): Promise<boolean> {
    if (this.inFlight === 0) return true;
    return new Promise((resolve) => {
      const end = (idle: boolean): void => {
        clearTimeout(timer);
        this.idleWaiters.delete(wake);
        resolve(idle);
      };
      const wake = (): void => end(true);
      const timer = setTimeout(end, timeoutMs, false);
      this.idleWaiters.add(wake);
    });
  }

  /** Forgets the process once nothing names or uses it. */
  settle(): void {
    if (this.references > 0 || this.inFlight > 0) return;
    this.onUnused(this);
    this.closeConnections();
  }

  closeConnections(): void {
    const { pool } = this;
    this.pool = undefined;
    void pool?.destroy();
  }

  private open(): Pool {
    let connectMs = 0;
    let connector: buildConnector.connector | undefined;
    const { host, port } = this.address;
    return new Pool(`http://${host.includes(":") ? `[${host}]` : host}:${String(port)}`, {
      connect: (options, callback) => {
        this.connects += 1;
        if (connectMs !== this.connectMs) {
          connectMs = this.connectMs;
          connector = buildConnector({ timeout: connectMs });
        }
        connector?.(options, callback);
      },
      // The exchange keeps its own time: undici's timers are a second off.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: this.settings.backendKeepAliveMs,
      maxHeaderSize: this.settings.responseHeadMax,
    });
  }
}

export class UpstreamSet {
  private readonly settings: RouterSettings;
  private readonly byKey = new Map<string, Upstream>();

  constructor(settings: RouterSettings) {
    this.settings = settings;
  }

  /** The one for this address, with one more reference. */
  acquire(address: Address, connectMs: number): Upstream {
    let upstream = this.find(address);
    if (upstream === undefined) {
      upstream = new Upstream(address, this.settings, (unused) => this.byKey.delete(unused.key));
      this.byKey.set(upstream.key, upstream);
    }
    upstream.references += 1;
    upstream.connectMs = connectMs;
    return upstream;
  }

  release(upstream: Upstream): void {
    upstream.references -= 1;
    upstream.settle();
  }

  find(address: Address): Upstream | undefined {
    return this.byKey.get(keyOf(address));
  }

  closeConnections(): void {
    for (const upstream of this.byKey.values()) upstream.closeConnections();
  }
}

function keyOf(address: Address): string {
  return `${address.host}:${String(address.port)}`;
}
