/** A router as a process of its own, in a home as its working directory: a `Router`, the socket on which daemons speak to
 *  it, and the spools of its access lines. Daemons come and go; it serves by what it was told last. */
import { rename, rm, writeFile } from "node:fs/promises";
import type { Server } from "node:net";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { AccessSpool } from "./access-spool.ts";
import { type ControlHandlers, ControlServer } from "./control-server.ts";
import { HomeWatch } from "./home-watch.ts";
import { Router } from "./router.ts";
import { type RouterStart, startRouter } from "./start-router.ts";
import { ROUTER_DIRECTORY, type RouterFacts, type RouterHello, type RouterProgram, WIRE_VERSION } from "./wire.ts";

/** In the home, beside the daemon's server.json. */
const ROUTER_FILE = "router.json";

export interface RouterProcessOptions {
  readonly version: string;
  readonly pid: number;
  readonly clock: Clock;
  readonly randomId: () => string;
}

/** Everything that may listen on the port is tried in vain. */
export class PortsTaken extends Error {
  override readonly name = "PortsTaken";
  readonly taken: readonly number[];

  constructor(taken: readonly number[]) {
    super(`No port is free: ${taken.join(", ")}`);
    this.taken = taken;
  }
}

export class RouterProcess {
  readonly id: string;
  /** Ports that were tried in vain. */
  readonly taken: number[] = [];
  /** Resolves when it has ended, for whatever reason. */
  readonly ended: Promise<void>;
  private readonly options: RouterProcessOptions;
  private readonly startedAt: number;
  private readonly spool: AccessSpool;
  private readonly watch: HomeWatch;
  private control: ControlServer | undefined;
  private router: Router | undefined;
  private listening: Promise<Router> | undefined;
  private phase: RouterFacts["phase"] = "serving";
  private replacing: Promise<string> | undefined;
  private finish: () => void = () => undefined;

  private constructor(options: RouterProcessOptions) {
    this.options = options;
    this.startedAt = options.clock.now();
    this.id = `${compactStamp(this.startedAt)}-${String(options.pid)}`;
    this.spool = new AccessSpool({
      appsDirectory: "apps",
      id: this.id,
      clock: options.clock,
      onTurned: (name) => this.control?.tell({ event: "spool", name }),
    });
    this.watch = new HomeWatch(this.socketPath, () => this.endUnwanted());
    this.ended = new Promise((resolve) => {
      this.finish = resolve;
    });
  }

  /** @throws PortsTaken; node's error when the home takes no socket */
  static async start(
    start: RouterStart,
    socket: Server | undefined,
    options: RouterProcessOptions,
  ): Promise<RouterProcess> {
    const made = new RouterProcess(options);
    const control = await ControlServer.listen(made.socketPath, {
      handlers: made.handlers(),
      onAlone: () => made.watch.look(),
    });
    try {
      made.listening = made.listen(start, socket);
      made.router = await made.listening;
    } catch (error) {
      control.close();
      throw error;
    }
    made.control = control;
    made.watch.start();
    await made.announce();
    return made;
  }

  /** For those who look while no daemon is there; on a full disk they find nothing. */
  private async announce(): Promise<void> {
    const { id, startedAt } = this;
    const { pid, version } = this.options;
    const about = { id, pid, port: this.serving.port, version, started_at: new Date(startedAt).toISOString() };
    const temporary = `${ROUTER_FILE}.${id}.tmp`;
    await writeFile(temporary, `${JSON.stringify(about)}\n`, { mode: 0o600 })
      .then(() => rename(temporary, ROUTER_FILE))
      .catch(() => rm(temporary, { force: true }))
      .catch(() => undefined);
  }

  private get socketPath(): string {
    return join(ROUTER_DIRECTORY, `${this.id}.sock`);
  }

  private async listen(start: RouterStart, socket: Server | undefined): Promise<Router> {
    for (const port of socket === undefined ? start.ports : [socket]) {
      try {
        return await this.open(port, start);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (typeof port !== "number" || (code !== "EADDRINUSE" && code !== "EACCES")) throw error;
        this.taken.push(port);
      }
    }
    throw new PortsTaken(this.taken);
  }

  private open(port: number | Server, { routes, settings }: RouterStart): Promise<Router> {
    const { clock, randomId } = this.options;
    return Router.listen({
      host: "127.0.0.1",
      port,
      routes,
      clock,
      randomId,
      settings,
      onRequests: (app, lines) => this.spool.append(app, lines),
      onWake: (app) => this.control?.tell({ event: "wake", app }),
      onQuiet: (app) => this.control?.tell({ event: "quiet", app }),
    });
  }

  private handlers(): ControlHandlers {
    return {
      hello: () => this.hello(),
      setApp: ({ route }) => this.change((router) => router.setApp(route)),
      removeApp: ({ app }) => this.change((router) => this.removeApp(router, app)),
      configure: ({ op: _op, ...settings }) => this.change((router) => router.configure(settings)),
      keepApps: ({ apps }) => this.change((router) => this.keepApps(router, new Set(apps))),
      drained: ({ backend, timeoutMs }) => this.serving.drained(backend, timeoutMs),
      replace: ({ program }) => this.replace(program),
      drain: () => this.leave((router) => router.drain()),
      end: () => this.leave((router) => router.close()),
    };
  }

  /** @throws Error before it listens */
  private get serving(): Router {
    if (this.router === undefined) throw new Error("This router does not serve yet.");
    return this.router;
  }

  private change(change: (router: Router) => void): null {
    change(this.serving);
    return null;
  }

  private removeApp(router: Router, app: string): void {
    router.removeApp(app);
    this.spool.forget(app);
  }

  private keepApps(router: Router, kept: ReadonlySet<string>): void {
    for (const { app } of router.routes) if (!kept.has(app)) this.removeApp(router, app);
  }

  private async hello(): Promise<RouterHello> {
    await this.listening;
    const spool = await this.spool.turn();
    const { id, startedAt, phase, serving } = this;
    const { pid, version } = this.options;
    return {
      wire: WIRE_VERSION,
      id,
      pid,
      port: serving.port,
      version,
      startedAt,
      phase,
      spool,
      routes: serving.routes,
    };
  }

  private replace(program: RouterProgram): Promise<string> {
    if (this.phase === "draining") throw new Error("This router is leaving already.");
    this.replacing ??= this.handOver(program).finally(() => {
      this.replacing = undefined;
    });
    return this.replacing;
  }

  private async handOver(program: RouterProgram): Promise<string> {
    const { routes, listener, homeSettings } = this.serving;
    const start = { ports: [], routes, settings: homeSettings };
    try {
      const { id, reason } = await startRouter(program, { start, socket: listener, output: "inherit", home: "." });
      if (id === undefined) throw new Error(reason);
      return this.yieldTo(id);
    } catch (error) {
      // It may have announced itself already.
      await this.announce();
      throw error;
    }
  }

  private yieldTo(id: string): string {
    this.control?.tell({ event: "replaced", id });
    this.leave((router) => router.drain());
    return id;
  }

  /** Once only: whoever drains may still be told to end. */
  private leave(how: (router: Router) => Promise<void>): null {
    this.phase = "draining";
    void how(this.serving).then(() => this.end());
    return null;
  }

  private async end(): Promise<void> {
    await this.spool.close();
    this.watch.stop();
    this.control?.close();
    this.finish();
  }

  /** The home is gone, and with it whoever could speak to this process. */
  private endUnwanted(): void {
    if (this.control?.isAlone === true) this.leave((router) => router.close());
  }
}

/** `20261125T125012345Z` */
function compactStamp(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:.]/g, "");
}
