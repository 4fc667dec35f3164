/** The platform of one home: its apps, and what they share. The daemon opens one; every use-case takes it. */
import { setMaxListeners } from "node:events";
import { parseAppName, type AppName } from "../core/app-name.ts";
import type { Clock } from "../core/clock.ts";
import { LOCALHOST, urlBelow, type BaseDomain } from "../core/base-domain.ts";
import { AppError } from "../core/error.ts";
import { PLATFORM_PERSON, type Person } from "../core/person.ts";
import { SerialQueue } from "../core/serial-queue.ts";
import { removeUnfinishedRepositories } from "../ledger/create-repository.ts";
import type { LedgerKey } from "../ledger/ledger-key.ts";
import { cleanBuilds } from "../build/slug-store.ts";
import type { ToolEnv } from "../build/tool-env.ts";
import type { Isolation } from "../formation/isolation.ts";
import type { PortAllocator } from "../formation/ports.ts";
import type { Runtime } from "../formation/runtime.ts";
import type { Routing } from "../router/routing.ts";
import { AccessLogs } from "./access-logs.ts";
import type { App } from "./app.ts";
import { Attachments } from "./attachments.ts";
import { BuildSlots } from "./build-slots.ts";
import { sweepRemains } from "./destroy-app.ts";
import { Events } from "./events.ts";
import { GitVisits } from "./git-visits.ts";
import type { Home } from "./home.ts";
import type { Journal } from "./journal.ts";
import { Keys } from "./keys.ts";
import { launch } from "./launch.ts";
import { settleAllKeys } from "./place-keys.ts";
import type { HookFiles, PlatformParts } from "./platform-parts.ts";
import { openApp } from "./open-app.ts";
import { FormerNames, listRepositories, nameTaken } from "./former-names.ts";
import { finishRenamings, settleRenaming, stuckNames } from "./rename-app.ts";
import { LogSessions } from "./log-sessions.ts";
import { noApp } from "./no-app.ts";
import { Tickets } from "./tickets.ts";
import { checkSlugs } from "./check-slugs.ts";
import { evictSlugs } from "./slugs.ts";
import { Tokens } from "./tokens.ts";
import { Upkeep } from "./upkeep.ts";

const START_PATIENCE_MS = 10_000;

export class Platform {
  readonly home: Home;
  readonly clock: Clock;
  readonly random: () => number;
  readonly journal: Journal;
  readonly router: Routing;
  readonly apiUrl: string;
  readonly publicUrl: string | undefined;
  readonly tokens: Tokens;
  readonly keys: Keys;
  readonly accessLogs: AccessLogs;
  readonly runtime: Runtime;
  readonly isolation: Isolation | Promise<Isolation>;
  readonly ports: PortAllocator;
  readonly signingKey: LedgerKey;
  readonly hooks: HookFiles;
  readonly processPath: string;
  readonly bases: readonly BaseDomain[];
  readonly toolEnv: ToolEnv;
  readonly buildSlots: BuildSlots;
  readonly outbound: PlatformParts["outbound"];
  readonly events = new Events();
  readonly gitVisits = new GitVisits();
  /** Changes of domains, which no two apps may share. */
  readonly domainChanges = new SerialQueue();
  readonly upkeep: Upkeep;
  readonly formerNames: FormerNames;
  readonly attachments: Attachments;
  readonly tickets: Tickets;
  readonly logSessions: LogSessions;
  private readonly apps = new Map<AppName, App>();
  /** Whose processes are known. */
  private readonly known = new WeakSet<App>();
  private readonly reserved = new Set<AppName>();
  /** Apps that are on disk but not open, with what stands in the way. */
  private readonly failed = new Map<AppName, unknown>();
  private readonly stopping = new AbortController();

  private constructor(parts: PlatformParts, { tokens, keys }: { tokens: Tokens; keys: Keys }) {
    this.home = parts.home;
    this.formerNames = new FormerNames(parts.home);
    this.clock = parts.clock;
    this.random = parts.random;
    this.journal = parts.journal;
    this.router = parts.router;
    this.apiUrl = parts.apiUrl;
    this.publicUrl = parts.publicUrl;
    this.tokens = tokens;
    this.keys = keys;
    this.accessLogs = new AccessLogs(this, parts.accessSpools);
    this.runtime = parts.runtime;
    this.isolation = parts.isolation;
    this.ports = parts.ports;
    this.signingKey = parts.signingKey;
    this.hooks = parts.hooks;
    this.processPath = parts.processPath;
    this.bases = parts.bases;
    this.toolEnv = parts.toolEnv;
    this.buildSlots = new BuildSlots(parts.buildsMax);
    this.outbound = parts.outbound;
    this.attachments = new Attachments(parts.clock, this.closing);
    this.tickets = new Tickets(parts.home.ticketKey);
    this.logSessions = new LogSessions(parts.clock, this.tickets);
    this.upkeep = new Upkeep(parts.clock, parts.journal, async (app) => {
      await evictSlugs(this, app);
      await checkSlugs(this, app);
    });
    // Every follower of a log listens to it.
    setMaxListeners(0, this.closing);
  }

  /** Opens every app of the home and brings back what should run. An app that cannot be opened is left as it is and
   *  told in the journal and by doctor; the others are not affected. */
  static async open(parts: PlatformParts): Promise<Platform> {
    const [tokens, keys] = await Promise.all([Tokens.open(parts.home, parts), Keys.open(parts.home, parts)]);
    const platform = new Platform(parts, { tokens, keys });
    await removeUnfinishedRepositories(parts.home.repos);
    await settleAllKeys(parts.home);
    const renamings = await finishRenamings(parts.home);
    const stuck = stuckNames(renamings);
    await sweepRemains(parts.home, parts.clock.now(), parts.journal, stuck);
    await platform.formerNames.read();
    for (const name of await listRepositories(parts.home)) {
      try {
        const app = await platform.openApp(parseAppName(name), stuck.get(name));
        app.started = launch(platform, app, "start").then(() => app.formation.adopted());
        platform.cleanSoon(app);
      } catch (error) {
        parts.journal.fault(`opening ${name}.git`, error);
      }
    }
    for (const renaming of renamings) await settleRenaming(platform, renaming);
    return platform;
  }

  /** Aborts when the platform begins to stop. */
  get closing(): AbortSignal {
    return this.stopping.signal;
  }

  list(): App[] {
    const open = [...this.apps.values()].filter((app) => app.renamedTo === undefined);
    return open.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  find(name: string): App | undefined {
    const current = this.formerNames.current(name as AppName);
    return this.apps.get(current) ?? this.apps.get(name as AppName) ?? this.list().find((app) => app.id === name);
  }

  /** By name, also a former one, or by id.
   *  @throws AppError not_found, or unavailable when it is there but could not be opened */
  app(name: string): App {
    const app = this.find(name);
    if (app?.renamedTo !== undefined) {
      throw new AppError("unavailable", `${app.name} is being renamed to ${app.renamedTo}.`, {
        hint: "Try again in a moment.",
      });
    }
    if (app !== undefined && !app.isEnding) return app;
    if (this.failed.has(this.formerNames.current(name as AppName))) {
      throw new AppError("unavailable", `${name} cannot be opened by the platform.`, {
        hint: "`git heroku doctor` tells why; what it ran before runs on.",
      });
    }
    throw noApp(name);
  }

  /** @param obstacle why it must not be opened */
  async openApp(name: AppName, obstacle?: unknown): Promise<App> {
    try {
      if (obstacle !== undefined) throw new Error("Its renaming could not be finished.", { cause: obstacle });
      const app = await openApp(this, name);
      this.apps.set(name, app);
      return app;
    } catch (error) {
      this.failed.set(name, error);
      throw error;
    }
  }

  /** The app is gone from the home or, with a reason, there but no longer open. */
  forget(app: App, reason?: unknown): void {
    this.apps.delete(app.name);
    if (reason !== undefined) this.failed.set(app.name, reason);
  }

  /** Name → why it is not open. */
  get unopened(): ReadonlyMap<string, unknown> {
    return this.failed;
  }

  /** Every app of the home, open or not. */
  get names(): string[] {
    return [...this.apps.keys(), ...this.failed.keys()];
  }

  isTaken(name: AppName): boolean {
    return this.apps.has(name) || this.reserved.has(name) || this.failed.has(name) || this.formerNames.has(name);
  }

  /** Holds a name while an app of it is made.
   *  @throws AppError invalid_params when it is taken */
  reserve(name: AppName): void {
    if (this.isTaken(name)) throw nameTaken(name, this.formerNames.current(name));
    this.reserved.add(name);
  }

  unreserve(name: AppName): void {
    this.reserved.delete(name);
  }

  /** Ends and removes what a build of a killed daemon left, without waiting for that. */
  private cleanSoon(app: App): void {
    cleanBuilds(this.home.app(app.name)).catch((error: unknown) =>
      this.journal.fault(`cleaning builds of ${app.name}`, error),
    );
  }

  /** Whoever asks for processes right after the start of the daemon waits for it to know them, but not for the build
   *  of a slug that was lost. */
  async knowsProcesses(app: App): Promise<void> {
    if (this.known.has(app)) return;
    const known = new AbortController();
    const started = Promise.all([app.started, app.oneOffs.adopted()]).then(() => this.known.add(app));
    await Promise.race([started, this.clock.sleep(START_PATIENCE_MS, known.signal)]);
    known.abort();
  }

  /** What every ledger of this platform is opened with. */
  ledgerParts(): { signingKey: LedgerKey; committer: Person; clock: Clock } {
    return { signingKey: this.signingKey, committer: PLATFORM_PERSON, clock: this.clock };
  }

  get routerUrl(): string {
    return `http://127.0.0.1:${String(this.router.port)}`;
  }

  /** Without a final slash: `http://foobaz.localhost:5000`. */
  webUrl(name: AppName): string {
    const [base = LOCALHOST] = this.bases;
    return urlBelow(base, name, this.router.port);
  }

  /** Ends what may take long: builds, and the streams of followers. */
  beginClose(): void {
    this.stopping.abort();
    for (const app of this.apps.values()) app.end();
  }

  /** Resolves when everything is on disk and, with `apps`, every process has ended. What goes wrong with one app is
   *  told in the journal and keeps no other from closing well. */
  async close(options: { apps: boolean }): Promise<void> {
    this.beginClose();
    await Promise.all(
      this.list().map((app) =>
        app
          .close({ stopApps: options.apps })
          .catch((error: unknown) => this.journal.fault(`closing ${app.name}`, error)),
      ),
    );
    await Promise.all([this.tokens.close(), this.keys.close()]);
    this.apps.clear();
    await this.runtime.close({ detach: !options.apps });
  }
}
