/** Host name → app → web process. An app's entry is replaced as a whole; every retry asks the table again. */
import type { Attempts } from "./attempts.ts";
import type { FailureName } from "./failure.ts";
import type { Address, Upstream, UpstreamSet } from "./upstream.ts";

export interface Backend extends Address {
  /** `web.1` */
  readonly ps: string;
}

export interface AppRoute {
  readonly app: string;
  /** Host names of the app's own, besides `<app>.<base domain>`. */
  readonly domains: readonly string[];
  readonly maintenance: boolean;
  /** blank: no code yet; none: no web process wanted. */
  readonly state: "blank" | "none" | "crashed" | "starting" | "up";
  readonly backends: readonly Backend[];
}

export interface Seat {
  readonly ps: string;
  readonly upstream: Upstream;
}

/** A request that waits for its app to start. */
export interface Waiter {
  route(): void;
}

const WITHOUT_PROCESS = {
  blank: "H81",
  none: "H14",
  crashed: "H10",
  starting: "wait",
  up: "wait",
} as const satisfies Record<AppRoute["state"], FailureName | "wait">;

export class RouteEntry {
  readonly route: AppRoute;
  readonly seats: readonly Seat[];
  /** Requests held until the app's next entry. */
  readonly waiting = new Set<Waiter>();
  private turn = 0;

  constructor(route: AppRoute, seats: readonly Seat[]) {
    this.route = route;
    this.seats = seats;
  }

  /** Where a request goes now: a process, the failure to answer with, or it waits for the app to start. */
  decide(tried: Attempts | undefined): Seat | FailureName | "wait" {
    const { maintenance, state } = this.route;
    if (maintenance) return "H80";
    if (this.seats.length === 0) return WITHOUT_PROCESS[state];
    const seat = this.leastBusy(tried?.upstreams);
    if (seat !== undefined) return seat;
    return state === "crashed" ? "H10" : (tried?.failure ?? "H21");
  }

  /** The least busy one, beginning each time with the next so that equals take turns. */
  private leastBusy(tried: ReadonlySet<Upstream> | undefined): Seat | undefined {
    const { seats } = this;
    this.turn = (this.turn + 1) % seats.length;
    let best: Seat | undefined;
    for (let step = 0; step < seats.length; step += 1) {
      const seat = seats[(this.turn + step) % seats.length] as Seat;
      if (tried?.has(seat.upstream) === true) continue;
      if (best === undefined || seat.upstream.inFlight < best.upstream.inFlight) best = seat;
    }
    return best;
  }
}

export class RouteTable {
  private readonly upstreams: UpstreamSet;
  private readonly suffixes: readonly string[];
  private readonly byApp = new Map<string, RouteEntry>();
  private readonly byDomain = new Map<string, RouteEntry>();

  constructor(baseDomains: readonly string[], upstreams: UpstreamSet) {
    this.suffixes = baseDomains.map((domain) => `.${domain.toLowerCase()}`);
    this.upstreams = upstreams;
  }

  /** `host` as `parseHost` gives it. */
  find(host: string): RouteEntry | undefined {
    for (const suffix of this.suffixes) {
      if (!host.endsWith(suffix)) continue;
      const entry = this.byApp.get(host.slice(0, -suffix.length));
      if (entry !== undefined) return entry;
    }
    return this.byDomain.get(host);
  }

  list(): AppRoute[] {
    return [...this.byApp.values()].map(({ route }) => route);
  }

  set(route: AppRoute): void {
    const before = this.byApp.get(route.app);
    const seats = route.backends.map((backend) => ({ ps: backend.ps, upstream: this.upstreams.acquire(backend) }));
    const entry = new RouteEntry(route, seats);
    this.forgetDomains(before);
    this.byApp.set(route.app, entry);
    for (const domain of route.domains) this.byDomain.set(domain.toLowerCase(), entry);
    this.retire(before);
  }

  remove(app: string): void {
    const entry = this.byApp.get(app);
    this.forgetDomains(entry);
    this.byApp.delete(app);
    this.retire(entry);
  }

  clear(): void {
    for (const app of this.byApp.keys()) this.remove(app);
  }

  private forgetDomains(entry: RouteEntry | undefined): void {
    for (const name of entry?.route.domains ?? []) {
      const domain = name.toLowerCase();
      if (this.byDomain.get(domain) === entry) this.byDomain.delete(domain);
    }
  }

  /** After its successor is in place: lets processes go and sends waiting requests to ask again. */
  private retire(entry: RouteEntry | undefined): void {
    if (entry === undefined) return;
    for (const seat of entry.seats) this.upstreams.release(seat.upstream);
    const waiting = [...entry.waiting];
    entry.waiting.clear();
    for (const waiter of waiting) waiter.route();
  }
}
