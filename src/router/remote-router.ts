/** The daemon's side of the router: finds the process that serves or starts one, tells it what to route, starts another
 *  when it dies, and has it replaced without a gap. An older one that still drains is told everything too: its requests
 *  look at its table for as long as it lives. */
import { open } from "node:fs/promises";
import type { Clock } from "../core/clock.ts";
import type { AppRoute } from "./route-table.ts";
import type { RouterLink } from "./router-link.ts";
import { RouterLinks } from "./router-links.ts";
import type { Routing } from "./routing.ts";
import { type RouterStarted, startRouter } from "./start-router.ts";
import type { Address } from "./upstream.ts";
import {
  type HomeSettings,
  type RouterEvent,
  type RouterFacts,
  type RouterProgram,
  type RouterRequest,
  WIRE_VERSION,
  type TrafficEvent,
} from "./wire.ts";

export interface RemoteRouterOptions {
  /** Where the routers' sockets are; a path short enough for a socket. */
  readonly directory: string;
  /** The working directory of a router. */
  readonly home: string;
  readonly program: RouterProgram;
  /** Of `program`. */
  readonly version: string;
  /** The file for what a router has to complain about. */
  readonly output: string;
  readonly clock: Clock;
  /** Tried in this order when no router is there. */
  readonly ports: readonly number[];
  /** Only a router on the first port will do. */
  readonly isPortFixed: boolean;
  /** What a router begins with when none is there. */
  readonly routes: () => Promise<readonly AppRoute[]>;
  readonly onNote: (message: string) => void;
  readonly onFault: (during: string, error: unknown) => void;
  readonly settings: HomeSettings;
  /** What happens to an app's traffic. */
  readonly onEvent: (event: TrafficEvent) => void;
  /** The spools that routers write to now have changed. */
  readonly onSpools: () => void;
}

const RETRY_FIRST_MS = 50;
const RETRY_LAST_MS = 5_000;
const PATIENCE_MS = 5_000;

export class RemoteRouter implements Routing {
  private readonly options: RemoteRouterOptions;
  private readonly links: RouterLinks;
  /** The one that accepts connections; undefined from its death until another one does. */
  private serving: RouterLink | undefined;
  private facts: RouterFacts | undefined;
  /** What every router should have, by app. */
  private readonly routes = new Map<string, AppRoute>();
  /** Runs while it is not certain who serves. Never rejects. */
  private changing: Promise<void> = Promise.resolve();
  private readonly closing = new AbortController();

  private constructor(options: RemoteRouterOptions) {
    this.options = options;
    this.links = new RouterLinks({
      ...options,
      onEvent: (link, event) => this.hear(link, event),
      onLost: (link) => this.lost(link),
    });
  }

  /** @throws RouterPortTaken when no port of the list is free */
  static async open(options: RemoteRouterOptions): Promise<RemoteRouter> {
    const remote = new RemoteRouter(options);
    await remote.findServing();
    if (remote.serving === undefined) await remote.startFirst();
    else await remote.renew(remote.serving);
    return remote;
  }

  get port(): number {
    return this.about.port;
  }

  /** Of the router that serves, or served last. */
  get about(): RouterFacts {
    if (this.facts === undefined) throw new Error("no router yet");
    return this.facts;
  }

  /** The names of the spools that are being written. */
  get spools(): ReadonlySet<string> {
    return this.links.spools;
  }

  async setApp(route: AppRoute): Promise<void> {
    this.routes.set(route.app, route);
    await this.tellAll({ op: "setApp", route });
  }

  async removeApp(app: string): Promise<void> {
    this.routes.delete(app);
    await this.tellAll({ op: "removeApp", app });
  }

  /** These are all apps there are; each has its entry by `setApp` or still the one that an earlier daemon set. */
  async keepApps(apps: readonly string[]): Promise<void> {
    const kept = new Set(apps);
    for (const app of this.routes.keys()) if (!kept.has(app)) this.routes.delete(app);
    await this.tellAll({ op: "keepApps", apps });
  }

  async drained(backend: Address, timeoutMs: number): Promise<boolean> {
    await this.settled();
    const asked = this.links.all.map((link) => link.ask({ op: "drained", backend, timeoutMs }));
    // With a router its requests are gone.
    const answers = await Promise.all(asked.map((answer) => answer.catch(() => true)));
    return answers.every(Boolean);
  }

  /** Puts a new process in the place of the one that serves; no request notices.
   *  @throws Error when the new one does not come up; then the old one goes on */
  async replace(): Promise<void> {
    await this.settled();
    const { serving } = this;
    if (serving === undefined) throw new Error("No router serves now.");
    const replaced = serving.ask({ op: "replace", program: this.options.program }).then((id) => this.follow(id));
    this.changing = replaced.catch(() => undefined);
    await replaced;
  }

  /** Leaves the routers as they are. */
  close(): void {
    this.closing.abort();
    this.links.close();
  }

  /** Ends all routers; resolves when they are gone. */
  async end(): Promise<void> {
    this.closing.abort();
    await this.changing;
    const { all } = this.links;
    await this.links.tell({ op: "end" });
    await Promise.all(all.map((link) => link.closed));
  }

  /** In force when it resolves. A router that dies meanwhile is followed by one that is given everything. */
  private async tellAll(request: RouterRequest): Promise<void> {
    await this.links.tell(request);
    await this.settled();
  }

  /** A port that somebody else has taken may keep a new router away for ever: nobody waits for that. */
  private async settled(): Promise<void> {
    const over = new AbortController();
    await Promise.race([this.changing, this.options.clock.sleep(PATIENCE_MS, over.signal)]);
    over.abort();
  }

  /** The youngest that serves is the one. */
  private async findServing(): Promise<void> {
    for (const link of await this.links.find()) {
      if (link.isLeaving || link === this.serving) continue;
      if (this.serving === undefined) await this.take(link);
      else await this.dismiss(link);
    }
  }

  private async dismiss(link: RouterLink): Promise<void> {
    link.isLeaving = true;
    await link.ask({ op: "drain" });
  }

  /** From now on this one serves. */
  private async take(link: RouterLink): Promise<void> {
    this.serving = link;
    this.facts = link.hello;
    const known = [...this.routes.values()];
    // What a daemon before this one set stays in force until it is set anew.
    for (const route of link.hello.routes) if (!this.routes.has(route.app)) this.routes.set(route.app, route);
    const told = known.map((route) => link.ask({ op: "setApp", route }));
    // One of an older version does not know this, and is replaced.
    const configured = link.ask({ op: "configure", ...this.options.settings }).catch(() => null);
    await Promise.all([configured, ...told]);
  }

  private async follow(id: string): Promise<void> {
    const before = this.serving;
    if (before?.hello.id === id) return;
    if (before !== undefined) before.isLeaving = true;
    try {
      await this.take(await this.links.connect(id));
    } catch (error) {
      // It died as soon as it served.
      if (this.serving === before) this.startAgain();
      throw error;
    }
  }

  private hear(link: RouterLink, event: RouterEvent): void {
    if (event.event === "replaced") {
      link.isLeaving = true;
      const followed = this.follow(event.id).catch((error: unknown) =>
        this.options.onFault("following a new router", error),
      );
      this.changing = this.changing.then(() => followed);
    } else if (event.event === "wake" || (event.event === "quiet" && this.links.all.length === 1)) {
      // A router that drains may still have somebody, when all is quiet at the one that serves.
      this.options.onEvent(event);
    }
  }

  private lost(link: RouterLink): void {
    // One that leaves is being followed: if that fails, another one is started.
    if (this.closing.signal.aborted || link.isLeaving || link !== this.serving) return;
    this.options.onNote(`the router (pid ${String(link.hello.pid)}) has ended unasked; another one is started`);
    this.startAgain();
  }

  private startAgain(): void {
    this.serving = undefined;
    const recovered = this.changing.then(() => this.recover());
    this.changing = recovered.catch((error: unknown) => this.options.onFault("starting a router", error));
  }

  /** Until one serves, on the same port: apps have told it to the world. */
  private async recover(): Promise<void> {
    let pauseMs = RETRY_FIRST_MS;
    while (!this.closing.signal.aborted) {
      // One that it was handing its socket to may serve by now.
      await this.findServing();
      const { id, reason }: Partial<RouterStarted> =
        this.serving === undefined ? await this.start([this.port]) : { id: this.about.id };
      if (id !== undefined) {
        await this.follow(id);
        this.options.onNote(`a router serves again, pid ${String(this.about.pid)}, port ${String(this.port)}`);
        return;
      }
      if (pauseMs === RETRY_FIRST_MS) this.options.onNote(`no router could be started: ${String(reason)}`);
      await this.options.clock.sleep(pauseMs, this.closing.signal);
      pauseMs = Math.min(pauseMs * 2, RETRY_LAST_MS);
    }
  }

  private async startFirst(): Promise<void> {
    for (const route of await this.options.routes()) if (!this.routes.has(route.app)) this.routes.set(route.app, route);
    const { id, reason, taken } = await this.start(this.options.ports);
    for (const port of taken) this.options.onNote(`port ${String(port)} is taken by another program`);
    if (id === undefined) throw new RouterPortTaken(reason);
    await this.follow(id);
  }

  private async start(ports: readonly number[]): Promise<RouterStarted> {
    const { program, output, home } = this.options;
    const file = await open(output, "a", 0o600);
    try {
      const start = { ports, routes: [...this.routes.values()], settings: this.options.settings };
      return await startRouter(program, { start, output: file.fd, home });
    } finally {
      await file.close();
    }
  }

  /** The one that was found may be of another version, or on a port that is no longer wanted. */
  private async renew(found: RouterLink): Promise<void> {
    const { version, ports, isPortFixed, onFault, onNote } = this.options;
    const { hello } = found;
    if (isPortFixed && hello.port !== ports[0]) {
      await this.startFirst();
      await this.dismiss(found);
    } else if (hello.version !== version || hello.wire !== WIRE_VERSION) {
      await this.replace().catch((error: unknown) => onFault("replacing the router", error));
      onNote(`the router was version ${hello.version} and is ${this.about.version}`);
    }
  }
}

export class RouterPortTaken extends Error {
  override readonly name = "RouterPortTaken";

  constructor(reason: string | undefined) {
    super(reason ?? "No port is free.");
  }
}
