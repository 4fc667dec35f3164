/** Host name → app → web process. An app's entry is replaced as a whole; every retry asks the table again. */
import type { Attempts } from "./attempts.ts";
import type { FailureName } from "./failure.ts";
import type { Pages } from "./page.ts";
import type { QuietWatch } from "./quiet-watch.ts";
import type { AppLimits, RouterSettings } from "./settings.ts";
import type { Address, Upstream, UpstreamSet } from "./upstream.ts";

export interface Backend extends Address {
  /** `web.1` */
  readonly ps: string;
}

/** Plain JSON. */
export interface AppRoute {
  readonly app: string;
  /** Host names of the app's own, besides `<app>.<base domain>`: `www.example.com`, or `*.example.com` for all below it. */
  readonly domains: readonly string[];
  /** What the app was called before: `<name>.<base domain>` leads to it as well. */
  readonly formerNames?: readonly string[];
  readonly maintenance: boolean;
  /** blank: no code yet; none: no web process wanted; idle: asleep, a request wakes it. */
  readonly state: "blank" | "none" | "crashed" | "starting" | "up" | "idle";
  readonly backends: readonly Backend[];
  /** What differs from the router's own. */
  readonly limits?: Partial<AppLimits>;
  /** The app's own pages. */
  readonly pages?: Pages;
  /** Tell when there was no traffic for so many milliseconds, as long as the app is up. */
  readonly quietMs?: number;
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
  idle: "wait",
} as const satisfies Record<AppRoute["state"], FailureName | "wait">;

/** An app that did not wake is asked again, but not by every request. */
const WAKE_AGAIN_MS = 1_000;

export class RouteEntry {
  readonly route: AppRoute;
  readonly seats: readonly Seat[];
  /** The router's settings with the app's own limits. */
  readonly settings: RouterSettings;
  /** Requests held until the app's next entry. */
  readonly waiting = new Set<Waiter>();
  /** The app's, from one entry to the next. */
  readonly quiet: QuietWatch;
  private turn = 0;
  private wokenAt = Number.NEGATIVE_INFINITY;

  constructor(route: AppRoute, seats: readonly Seat[], settings: RouterSettings, quiet: QuietWatch) {
    this.route = route;
    this.seats = seats;
    this.settings = { ...settings, ...route.limits };
    this.quiet = quiet;
  }

  /** Where a request goes now: a process, the failure to answer with, or it waits for the app to start. */
  decide(tried: Attempts | undefined): Seat | FailureName | "wait" {
    const { maintenance, state } = this.route;
    if (maintenance) return "H80";
    if (this.seats.length === 0) return WITHOUT_PROCESS[state];
    const seat = this.leastBusy(tried?.upstreams);
    if (seat === undefined) return state === "crashed" ? "H10" : (tried?.failure ?? "H21");
    return seat.upstream.inFlight < this.settings.inFlightMax ? seat : "H22";
  }

  /** Whether the app's owner is to be asked to start it. */
  wantsWaking(now: number): boolean {
    if (this.route.state !== "idle" || now - this.wokenAt < WAKE_AGAIN_MS) return false;
    this.wokenAt = now;
    return true;
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
  private readonly settings: RouterSettings;
  private readonly upstreams: UpstreamSet;
  private readonly makeQuiet: (app: string) => QuietWatch;
  private watches = true;
  private suffixes: readonly string[] = [];
  private readonly byApp = new Map<string, RouteEntry>();
  private readonly byName = new Map<string, RouteEntry>();
  private readonly byDomain = new Map<string, RouteEntry>();
  /** `example.com` → the app that has `*.example.com`. */
  private readonly byWildcard = new Map<string, RouteEntry>();

  constructor(settings: RouterSettings, upstreams: UpstreamSet, makeQuiet: (app: string) => QuietWatch) {
    this.settings = settings;
    this.upstreams = upstreams;
    this.makeQuiet = makeQuiet;
    this.rename(settings.baseDomains);
  }

  /** From now on apps have their names below these. */
  rename(baseDomains: readonly string[]): void {
    this.suffixes = baseDomains.map((domain) => `.${domain.toLowerCase()}`);
    this.byName.clear();
    for (const entry of this.byApp.values()) this.name(entry);
  }

  private name(entry: RouteEntry): void {
    for (const name of namesOf(entry.route)) {
      for (const suffix of this.suffixes) this.byName.set(name + suffix, entry);
    }
  }

  /** Somebody else sees the traffic from now on. */
  stopWatching(): void {
    for (const { quiet } of this.byApp.values()) quiet.watch(undefined);
    this.watches = false;
  }

  /** A whole name first, the app's domain or `<app>.<base domain>`, then the longest wildcard: no app can take another
   *  one's own name away. `host` as `parseHost` gives it. */
  find(host: string): RouteEntry | undefined {
    return this.byDomain.get(host) ?? this.byName.get(host) ?? this.findWildcard(host);
  }

  private findWildcard(host: string): RouteEntry | undefined {
    if (this.byWildcard.size === 0) return undefined;
    for (let dot = host.indexOf("."); dot !== -1; dot = host.indexOf(".", dot + 1)) {
      const entry = this.byWildcard.get(host.slice(dot + 1));
      if (entry !== undefined) return entry;
    }
    return undefined;
  }

  list(): AppRoute[] {
    return [...this.byApp.values()].map(({ route }) => route);
  }

  set(route: AppRoute): void {
    const before = this.byApp.get(route.app);
    const connectMs = route.limits?.connectMs ?? this.settings.connectMs;
    const seats = route.backends.map((backend) => ({
      ps: backend.ps,
      upstream: this.upstreams.acquire(backend, connectMs),
    }));
    const entry = new RouteEntry(route, seats, this.settings, before?.quiet ?? this.makeQuiet(route.app));
    entry.quiet.watch(route.state === "up" && this.watches ? route.quietMs : undefined);
    this.forgetNames(before);
    this.byApp.set(route.app, entry);
    this.name(entry);
    for (const domain of route.domains) {
      const { map, key } = this.placeOf(domain);
      map.set(key, entry);
    }
    this.retire(before);
  }

  remove(app: string): void {
    const entry = this.byApp.get(app);
    entry?.quiet.watch(undefined);
    this.forgetNames(entry);
    this.byApp.delete(app);
    this.retire(entry);
  }

  clear(): void {
    for (const app of this.byApp.keys()) this.remove(app);
  }

  private placeOf(domain: string): { map: Map<string, RouteEntry>; key: string } {
    const name = domain.toLowerCase();
    return name.startsWith("*.") ? { map: this.byWildcard, key: name.slice(2) } : { map: this.byDomain, key: name };
  }

  private forgetNames(entry: RouteEntry | undefined): void {
    if (entry === undefined) return;
    for (const name of namesOf(entry.route)) for (const suffix of this.suffixes) this.forgetName(name + suffix, entry);
    for (const domain of entry.route.domains) {
      const { map, key } = this.placeOf(domain);
      if (map.get(key) === entry) map.delete(key);
    }
  }

  /** An app may have taken over another one's names. */
  private forgetName(name: string, entry: RouteEntry): void {
    if (this.byName.get(name) === entry) this.byName.delete(name);
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

function namesOf({ app, formerNames = [] }: AppRoute): string[] {
  return [app, ...formerNames];
}
