/** The daemon's side of the router processes of its home: finds the one that serves or starts one, tells it what to route,
 *  starts another when it dies, and has it replaced without a gap. An older one that still drains is told everything
 *  too: its requests look at its table for as long as it lives. */
import { open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import type { AppRoute } from "./route-table.ts";
import { RouterGone, RouterLink, RouterSilent } from "./router-link.ts";
import type { Routing } from "./routing.ts";
import { type RouterStarted, startRouter } from "./start-router.ts";
import type { Address } from "./upstream.ts";
import {
  type NameSettings,
  type RouterEvent,
  type RouterFacts,
  type RouterProgram,
  type RouterRequest,
  WIRE_VERSION,
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
  readonly settings: NameSettings;
  /** A request waits for an app that sleeps. */
  readonly onWake: (app: string) => void;
  /** Nobody has come for an app for its `quietMs`. */
  readonly onQuiet: (app: string) => void;
  /** The spools that routers write to now have changed. */
  readonly onSpools: () => void;
}

const RETRY_FIRST_MS = 50;
const RETRY_LAST_MS = 5_000;
const PATIENCE_MS = 5_000;

export class RemoteRouter implements Routing {
  private readonly options: RemoteRouterOptions;
  /** All routers that live, with the spools they write to. */
  private readonly links = new Map<RouterLink, string>();
  /** The one that accepts connections; undefined while it is being replaced after its death. */
  private serving: RouterLink | undefined;
  private facts: RouterFacts | undefined;
  /** What every router should have, by app. */
  private readonly routes = new Map<string, AppRoute>();
  /** Runs while it is not certain who serves. Never rejects. */
  private changing: Promise<void> = Promise.resolve();
  private readonly closing = new AbortController();

  private constructor(options: RemoteRouterOptions) {
    this.options = options;
  }

  /** @throws RouterPortTaken when no port of the list is free */
  static async open(options: RemoteRouterOptions): Promise<RemoteRouter> {
    const remote = new RemoteRouter(options);
    await remote.findRouters();
    if (remote.serving === undefined) await remote.startFirst();
    else await remote.renew();
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
    return new Set(this.links.values());
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
    const asked = [...this.links.keys()].map((link) => link.ask({ op: "drained", backend, timeoutMs }));
    // With a router its requests are gone.
    const answers = await Promise.all(asked.map((answer) => answer.catch(() => true)));
    return answers.every(Boolean);
  }

  /** Puts a new process in the place of the one that serves; no request notices.
   *  @throws Error when the new one does not come up; then the old one goes on */
  async replace(): Promise<void> {
    await this.changing;
    const { serving } = this;
    if (serving === undefined) return;
    const replaced = serving.ask({ op: "replace", program: this.options.program }).then((id) => this.follow(id));
    this.changing = replaced.catch(() => undefined);
    await replaced;
  }

  /** Leaves the routers as they are. */
  close(): void {
    this.closing.abort();
    for (const link of this.links.keys()) link.close();
  }

  /** Ends all routers; resolves when they are gone. */
  async end(): Promise<void> {
    this.closing.abort();
    await this.changing;
    await Promise.all(
      [...this.links.keys()].map((link) =>
        link.ask({ op: "end" }).then(
          () => link.closed,
          () => link.closed,
        ),
      ),
    );
  }

  /** In force when it resolves. A router that dies meanwhile is followed by one that is given everything. */
  private async tellAll(request: RouterRequest): Promise<void> {
    const told = [...this.links.keys()].map((link) => link.ask(request));
    await Promise.all(told.map((answer) => answer.catch((error: unknown) => this.unheard(error))));
    await this.settled();
  }

  private unheard(error: unknown): void {
    if (!isGone(error)) this.options.onFault("telling the router", error);
  }

  /** A port that somebody else has taken may keep a new router away for ever: nobody waits for that. */
  private async settled(): Promise<void> {
    const over = new AbortController();
    await Promise.race([this.changing, this.options.clock.sleep(PATIENCE_MS, over.signal)]);
    over.abort();
  }

  /** Speaks to every router that lives; the youngest that serves is the one. */
  private async findRouters(): Promise<void> {
    const names = await readdir(this.options.directory);
    const ids = names.filter((name) => name.endsWith(".sock")).map((name) => name.slice(0, -".sock".length));
    for (const id of ids.sort().toReversed()) await this.findRouter(id);
  }

  private async findRouter(id: string): Promise<void> {
    try {
      const link = await this.connect(id);
      if (link.isLeaving || link === this.serving) return;
      if (this.serving === undefined) await this.take(link);
      else await this.dismiss(link);
    } catch (error) {
      if (error instanceof RouterSilent) this.endSilent(id);
      else if ((error as NodeJS.ErrnoException).code === "ECONNREFUSED") await rm(this.pathOf(id), { force: true });
      else if (!isGone(error)) this.options.onFault(`looking for the router ${id}`, error);
    }
  }

  private async dismiss(link: RouterLink): Promise<void> {
    link.isLeaving = true;
    await link.ask({ op: "drain" });
  }

  /** One that takes connections and does not answer would keep its port for ever. */
  private endSilent(id: string): void {
    const pid = Number(/-(\d+)$/.exec(id)?.[1]);
    this.options.onNote(`the router ${id} does not answer and is ended`);
    try {
      if (pid > 0) process.kill(pid, "SIGKILL");
    } catch {
      return;
    }
  }

  private pathOf(id: string): string {
    return join(this.options.directory, `${id}.sock`);
  }

  private async connect(id: string): Promise<RouterLink> {
    for (const link of this.links.keys()) if (link.hello.id === id) return link;
    const link = await RouterLink.open(this.pathOf(id));
    this.links.set(link, link.hello.spool);
    link.onEvent = (event) => this.hear(link, event);
    void link.closed.then(() => this.lost(link));
    this.options.onSpools();
    return link;
  }

  /** From now on this one serves. */
  private async take(link: RouterLink): Promise<void> {
    this.serving = link;
    this.facts = link.hello;
    // What a daemon before this one set stays in force until it is set anew.
    for (const route of link.hello.routes) if (!this.routes.has(route.app)) this.routes.set(route.app, route);
    const told = [...this.routes.values()].map((route) => link.ask({ op: "setApp", route }));
    // One of an older version does not know this, and is replaced.
    const configured = link.ask({ op: "configure", ...this.options.settings }).catch(() => null);
    await Promise.all([configured, ...told, link.ask({ op: "keepApps", apps: [...this.routes.keys()] })]);
  }

  private async follow(id: string): Promise<void> {
    const before = this.serving;
    if (before?.hello.id === id) return;
    if (before !== undefined) before.isLeaving = true;
    await this.take(await this.connect(id));
  }

  private hear(link: RouterLink, event: RouterEvent): void {
    if (event.event === "spool") {
      this.links.set(link, event.name);
      this.options.onSpools();
    } else if (event.event === "replaced") {
      this.follow(event.id).catch((error: unknown) => this.options.onFault("following a new router", error));
    } else if (event.event === "wake") this.options.onWake(event.app);
    // One that drains may still have somebody.
    else if (event.event === "quiet" && this.links.size === 1) this.options.onQuiet(event.app);
  }

  private lost(link: RouterLink): void {
    this.links.delete(link);
    if (this.closing.signal.aborted) return;
    this.options.onSpools();
    if (link !== this.serving) return;
    this.serving = undefined;
    this.options.onNote(`the router (pid ${String(link.hello.pid)}) has ended unasked; another one is started`);
    const before = this.changing;
    this.changing = before
      .then(() => this.recover())
      .catch((error: unknown) => this.options.onFault("the router", error));
  }

  /** Until one serves, on the same port: apps have told it to the world. */
  private async recover(): Promise<void> {
    let pauseMs = RETRY_FIRST_MS;
    while (!this.closing.signal.aborted) {
      // Another one may have the socket by now.
      await this.findRouters();
      if (this.serving !== undefined) return;
      const { id, reason } = await this.start([this.port]);
      if (id !== undefined) {
        await this.follow(id);
        this.options.onNote(`router ${id} serves port ${String(this.port)}`);
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
    if (id === undefined) throw new RouterPortTaken(taken, reason);
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
  private async renew(): Promise<void> {
    const { version, ports, isPortFixed } = this.options;
    const before = this.about;
    if (isPortFixed && before.port !== ports[0]) {
      const old = this.serving;
      await this.startFirst();
      if (old !== undefined) await this.dismiss(old);
    } else if (before.version !== version || before.wire !== WIRE_VERSION) {
      await this.replace().catch((error: unknown) => this.options.onFault("replacing the router", error));
      this.options.onNote(`router of version ${before.version} replaced by ${this.about.version}`);
    }
  }
}

/** It may end at any time. */
function isGone(error: unknown): boolean {
  return error instanceof RouterGone || (error as NodeJS.ErrnoException).code === "ENOENT";
}

export class RouterPortTaken extends Error {
  override readonly name = "RouterPortTaken";
  readonly ports: readonly number[];

  constructor(ports: readonly number[], reason: string | undefined) {
    super(reason ?? "No port is free.");
    this.ports = ports;
  }
}
