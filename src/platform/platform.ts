/** The platform of one home: its apps, and what they share. The daemon opens one; every use-case takes it. */
import { access, readdir } from "node:fs/promises";
import { parseAppName, type AppName } from "../core/app-name.ts";
import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/error.ts";
import { PLATFORM_PERSON, type Person } from "../core/person.ts";
import { removeUnfinishedRepositories } from "../ledger/create-repository.ts";
import type { LedgerKey } from "../ledger/ledger-key.ts";
import { cleanBuilds } from "../build/slug-store.ts";
import type { ToolEnv } from "../build/tool-env.ts";
import type { PortAllocator } from "../formation/ports.ts";
import type { Runtime } from "../formation/runtime.ts";
import type { Router } from "../router/router.ts";
import type { App } from "./app.ts";
import { sweepRemains } from "./destroy-app.ts";
import type { Home } from "./home.ts";
import type { Journal } from "./journal.ts";
import { launch, type LaunchReason } from "./launch.ts";
import { openApp } from "./open-app.ts";

/** Made by the program that opens the platform. */
export interface PlatformParts {
  home: Home;
  clock: Clock;
  /** Numbers in [0, 1). */
  random: () => number;
  journal: Journal;
  router: Router;
  runtime: Runtime;
  ports: PortAllocator;
  signingKey: LedgerKey;
  /** How the repositories' hooks find the daemon. */
  hooks: HookFiles;
  /** PATH of the apps' processes and of builds. */
  processPath: string;
  /** What a build tool may know of the daemon's environment: proxies, npm's registry and cache. */
  toolEnv: ToolEnv;
}

export interface HookFiles {
  /** Absolute path of the directory that holds proc-receive and post-receive. */
  dir: string;
  /** The text of `hook-env` in each repository. */
  env: string;
}

const START_PATIENCE_MS = 5_000;

export class Platform {
  readonly home: Home;
  readonly clock: Clock;
  readonly random: () => number;
  readonly journal: Journal;
  readonly router: Router;
  readonly runtime: Runtime;
  readonly ports: PortAllocator;
  readonly signingKey: LedgerKey;
  readonly hooks: HookFiles;
  readonly processPath: string;
  readonly toolEnv: ToolEnv;
  private readonly apps = new Map<AppName, App>();
  private readonly reserved = new Set<AppName>();
  private readonly stopping = new AbortController();

  private constructor(parts: PlatformParts) {
    this.home = parts.home;
    this.clock = parts.clock;
    this.random = parts.random;
    this.journal = parts.journal;
    this.router = parts.router;
    this.runtime = parts.runtime;
    this.ports = parts.ports;
    this.signingKey = parts.signingKey;
    this.hooks = parts.hooks;
    this.processPath = parts.processPath;
    this.toolEnv = parts.toolEnv;
  }

  /** Opens every app of the home and brings back what should run. An app that cannot be opened is left as it is and
   *  told in the journal; the others are not affected. */
  static async open(parts: PlatformParts): Promise<Platform> {
    const platform = new Platform(parts);
    await removeUnfinishedRepositories(parts.home.repos);
    await sweepRemains(parts.home, parts.clock.now());
    for (const dir of (await readdir(parts.home.repos)).sort()) {
      if (!dir.endsWith(".git")) continue;
      try {
        const app = await platform.openApp(parseAppName(dir.slice(0, -".git".length)));
        app.started = platform.launchSoon(app, "start").then(() => app.formation.adopted());
        platform.cleanSoon(app);
      } catch (error) {
        parts.journal.fault(`opening ${dir}`, error);
      }
    }
    return platform;
  }

  /** Aborts when the platform begins to stop. */
  get closing(): AbortSignal {
    return this.stopping.signal;
  }

  list(): App[] {
    return [...this.apps.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  find(name: string): App | undefined {
    return this.apps.get(name as AppName) ?? this.list().find((app) => app.id === name);
  }

  /** By name or by id.
   *  @throws AppError not_found */
  app(name: string): App {
    const app = this.find(name);
    if (app !== undefined && !app.isDestroyed) return app;
    throw new AppError("not_found", "Couldn't find that app.", {
      hint: `There is no app ${JSON.stringify(name.slice(0, 40))}; \`git heroku apps\` lists the apps there are.`,
    });
  }

  async openApp(name: AppName): Promise<App> {
    const app = await openApp(this, name);
    this.apps.set(name, app);
    return app;
  }

  forget(app: App): void {
    this.apps.delete(app.name);
  }

  /** Holds a name while an app of it is made.
   *  @throws AppError invalid_params when it is taken */
  reserve(name: AppName): void {
    if (this.apps.has(name) || this.reserved.has(name)) {
      throw new AppError("invalid_params", `Name ${name} is already taken.`, {
        hint: `Choose another name, or connect this clone to the app there is: git heroku remote --app ${name}`,
      });
    }
    this.reserved.add(name);
  }

  unreserve(name: AppName): void {
    this.reserved.delete(name);
  }

  /** A launch that nobody is told of: what goes wrong is told in the app's log and in the journal. */
  async launchSoon(app: App, reason: LaunchReason): Promise<void> {
    await launch(this, app, reason).catch((error: unknown) => {
      if (error instanceof AppError) app.log("api", `Launch failed: ${error.message}`);
      else this.journal.fault(`launching ${app.name}`, error);
    });
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
    const known = new AbortController();
    await Promise.race([app.started, this.clock.sleep(START_PATIENCE_MS, known.signal)]);
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
    return `http://${name}.localhost:${String(this.router.port)}`;
  }

  async exists(path: string): Promise<boolean> {
    return access(path).then(
      () => true,
      () => false,
    );
  }

  /** Ends what may take long: builds, and the streams of followers. */
  beginClose(): void {
    this.stopping.abort();
  }

  /** Resolves when everything is on disk and, with `apps`, every process has ended. */
  async close(options: { apps: boolean }): Promise<void> {
    this.beginClose();
    await Promise.all(
      this.list().map(async (app) => {
        await app.launches.drained();
        await app.formation.shutdown({ stopApps: options.apps });
        await app.logs.close();
        await app.ledger.close();
      }),
    );
    this.apps.clear();
    await this.runtime.close({ detach: !options.apps });
  }
}
