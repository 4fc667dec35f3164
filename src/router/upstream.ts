/** Web processes as the router sees them: their connections and the count of requests in flight, kept for as long as
 *  the routing table or a running request needs them. */
import type { Clock } from "../core/clock.ts";
import { Connection, type Address, type ConnectionOwner } from "./connection.ts";
import type { RouterSettings } from "./settings.ts";
import type { TurnEnd } from "./turn-end.ts";

export type { Address };

/** A process that says when it closes an idle connection does so a moment earlier than the router would notice. */
const CLOSES_EARLIER_MS = 1_000;

export class Upstream implements ConnectionOwner {
  readonly key: string;
  readonly address: Address;
  readonly responseHeadMax: number;
  readonly turnEnd: TurnEnd;
  /** Requests sent and not finished, upgraded connections included. */
  inFlight = 0;
  /** Entries of routing tables that name this process. */
  references = 0;
  /** H19, for connections from now on. */
  connectMs: number;
  private readonly keepAliveMs: number;
  private readonly clock: Clock;
  private readonly onUnused: (upstream: Upstream) => void;
  private readonly idleWaiters = new Set<() => void>();
  private readonly open = new Set<Connection>();
  /** The one used last is at the end. */
  private readonly free: Connection[] = [];
  private sweep: NodeJS.Timeout | undefined;

  constructor(address: Address, { settings, clock, turnEnd }: UpstreamContext, onUnused: (upstream: Upstream) => void) {
    this.key = keyOf(address);
    this.address = address;
    this.clock = clock;
    this.turnEnd = turnEnd;
    this.connectMs = settings.connectMs;
    this.keepAliveMs = settings.backendKeepAliveMs;
    this.responseHeadMax = settings.responseHeadMax;
    this.onUnused = onUnused;
  }

  /** A connection for one request, which counts as in flight from now until `finished`. */
  take(now: number): { connection: Connection; reused: boolean } {
    this.inFlight += 1;
    for (let connection = this.free.pop(); connection !== undefined; connection = this.free.pop()) {
      if (connection.idleUntil > now) return { connection, reused: true };
      connection.destroy();
    }
    const connection = new Connection(this);
    this.open.add(connection);
    return { connection, reused: false };
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
    this.free.length = 0;
    for (const connection of this.open) connection.destroy();
  }

  onIdle(connection: Connection, keepAliveMs: number | undefined): void {
    const named = keepAliveMs === undefined ? this.keepAliveMs : keepAliveMs - CLOSES_EARLIER_MS;
    connection.idleUntil = this.clock.now() + Math.min(this.keepAliveMs, named);
    this.free.push(connection);
    this.sweep ??= setTimeout(() => this.closeOld(), this.keepAliveMs).unref();
  }

  onClose(connection: Connection): void {
    this.open.delete(connection);
    const at = this.free.indexOf(connection);
    if (at !== -1) this.free.splice(at, 1);
  }

  private closeOld(): void {
    const now = this.clock.now();
    for (const connection of this.free.filter(({ idleUntil }) => idleUntil <= now)) connection.destroy();
    const hasOther = this.free.some((connection) => connection.idleUntil > now);
    this.sweep = hasOther ? setTimeout(() => this.closeOld(), this.keepAliveMs).unref() : undefined;
  }
}

export interface UpstreamContext {
  readonly settings: RouterSettings;
  readonly clock: Clock;
  readonly turnEnd: TurnEnd;
}

export class UpstreamSet {
  private readonly context: UpstreamContext;
  private readonly byKey = new Map<string, Upstream>();

  constructor(context: UpstreamContext) {
    this.context = context;
  }

  /** The one for this address, with one more reference. */
  acquire(address: Address, connectMs: number): Upstream {
    let upstream = this.find(address);
    if (upstream === undefined) {
      upstream = new Upstream(address, this.context, (unused) => this.byKey.delete(unused.key));
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
