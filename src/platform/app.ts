/** One app in the daemon: its ledger, its log, its running formation, and the queue that orders its launches. */
import { setMaxListeners } from "node:events";
import { join } from "node:path";
import type { Access } from "../core/access.ts";
import type { AppName } from "../core/app-name.ts";
import { readAppState, type AppState } from "../core/app-state.ts";
import type { Clock } from "../core/clock.ts";
import type { LogSource } from "../core/log-line.ts";
import type { Release } from "../core/release.ts";
import { formatVersion } from "../core/release.ts";
import type { Formation } from "../formation/formation.ts";
import type { DynoInfo } from "../formation/dyno-info.ts";
import type { OneOffs } from "../formation/one-offs.ts";
import type { Routes } from "../formation/roster.ts";
import type { Slug } from "../build/slug-store.ts";
import type { ConfigCipher } from "../ledger/config-cipher.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { NewRelease } from "../ledger/release-writer.ts";
import type { Drains } from "../drains/drains.ts";
import type { Webhooks } from "../webhooks/webhooks.ts";
import type { LogStore } from "../logs/log-store.ts";
import type { Actor } from "./actor.ts";
import { Builds } from "./builds.ts";
import type { AppEvent } from "./events.ts";
import { Sleep } from "./sleep.ts";
import type { Bisect } from "./bisect.ts";
import type { KeptOutput } from "./kept-output.ts";
import { HealthyRelease } from "./healthy-release.ts";
import { Pages } from "./pages.ts";
import { PendingReleaseFile } from "./pending-release.ts";
import { SerialQueue } from "../core/serial-queue.ts";

export type { DynoInfo };

export interface AppParts {
  name: AppName;
  /** A UUID made of the first release's object id, so that it moves with the repository. */
  id: string;
  ledger: Ledger;
  logs: LogStore;
  drains: Drains;
  webhooks: Webhooks;
  cipher: ConfigCipher;
  clock: Clock;
  /** Its directory under `apps/`. */
  dir: string;
}

/** What calls back into the app. */
export interface AppMakers {
  /** Whoever wants to know what happens. */
  tell: (event: AppEvent) => void;
  formation: (app: App) => Formation;
  oneOffs: (app: App) => OneOffs;
  bisect: (app: App) => Bisect;
}

/** A release command that runs, and what it decides about. */
export interface RunningPhase {
  version: number;
  asked: NewRelease & { askedAt: number };
  output: KeptOutput;
}

/** A push whose build is under way, as a waiting push names it. */
export interface RunningBuild {
  commit: string;
  email: string;
}

export class App {
  readonly name: AppName;
  readonly id: string;
  readonly ledger: Ledger;
  readonly logs: LogStore;
  readonly drains: Drains;
  readonly webhooks: Webhooks;
  readonly formation: Formation;
  readonly oneOffs: OneOffs;
  readonly bisect: Bisect;
  readonly cipher: ConfigCipher;
  /** Its directory under `apps/`. */
  readonly dir: string;
  readonly clock: Clock;
  /** Slugs known to be on disk, by the release that runs on them. */
  readonly slugs = new Map<number, Slug>();
  /** Looks at whole slugs. */
  readonly slugChecks = new SerialQueue();
  /** When a launch or a rollback last asked for a slug, by its id: it is not let go under its hands. */
  readonly slugsAsked = new Map<string, number>();
  /** By id: asked for since all their files were looked at. */
  readonly slugsToCount = new Set<string>();
  /** Launches in the order of their causes. */
  readonly launches = new SerialQueue();
  /** Pushes to the deploy branch, one at a time. */
  readonly pushes = new SerialQueue();
  /** Builds of archives, from the upload to the release, one at a time: each commit follows the one before. */
  readonly archives = new SerialQueue();
  /** Writes to the notes, which follow the ledger by themselves. */
  readonly notings = new SerialQueue();
  /** What the router is told, in the order of what happened. */
  readonly routings = new SerialQueue();
  readonly builds: Builds;
  readonly tell: AppMakers["tell"];
  /** Changes of drains, which take time to encrypt. */
  readonly drainChanges = new SerialQueue();
  readonly webhookChanges = new SerialQueue();
  readonly sleep: Sleep;
  readonly pages = new Pages((message) => this.log("router", message));
  /** The name that it is getting: it is closed under this one. */
  renamedTo: AppName | undefined;
  runningBuild: RunningBuild | undefined;
  /** Releases, one at a time, each with its release phase. */
  readonly releases = new SerialQueue();
  readonly pendingRelease: PendingReleaseFile;
  phase: RunningPhase | undefined;
  readonly healthy: HealthyRelease;
  /** What follows from how web processes turned out, with the release that this led to. Never rejects. */
  healing: Promise<Release | undefined> = Promise.resolve(undefined);
  /** Resolves when a daemon that has just started knows what an earlier one left running. Never rejects. */
  started: Promise<void> = Promise.resolve();
  /** Resolves when nobody packs the repository. Never rejects. */
  upkeep: Promise<void> = Promise.resolve();
  /** Where web processes serve, as the formation told last; undefined until it knows what an earlier daemon left. */
  routes: Routes | undefined;
  /** The release that was launched last; 0 before the first. */
  launchedVersion = 0;
  /** Processes of git whose push has arrived as a whole, and is answered by the platform. */
  readonly answering = new Set<number>();
  /** Told whenever who may do what has changed. */
  readonly onAccess = new Set<(access: Access) => void>();
  readonly #ending = new AbortController();

  constructor(parts: AppParts, make: AppMakers) {
    this.name = parts.name;
    this.id = parts.id;
    this.ledger = parts.ledger;
    this.logs = parts.logs;
    this.drains = parts.drains;
    this.webhooks = parts.webhooks;
    this.cipher = parts.cipher;
    this.dir = parts.dir;
    this.pendingRelease = new PendingReleaseFile(join(parts.dir, "pending-release.json"));
    this.healthy = new HealthyRelease(join(parts.dir, "last-healthy"));
    this.tell = make.tell;
    this.builds = new Builds(join(parts.dir, "builds"), (build) => make.tell({ entity: "api:build", build }));
    this.clock = parts.clock;
    this.sleep = new Sleep(join(parts.dir, "asleep"));
    this.formation = make.formation(this);
    this.oneOffs = make.oneOffs(this);
    this.bisect = make.bisect(this);
    // Every push of the last seconds listens to it: a busy minute is no leak.
    setMaxListeners(0, this.ending);
  }

  /** Aborts when the app is destroyed or the platform stops: then nothing is built or launched any more. */
  get ending(): AbortSignal {
    return this.#ending.signal;
  }

  get isEnding(): boolean {
    return this.#ending.signal.aborted;
  }

  end(): void {
    this.#ending.abort();
  }

  /** Resolves when everything is on disk and, with `stopApps`, every process has ended. */
  async close(options: { stopApps: boolean }): Promise<void> {
    this.end();
    await this.archives.drained();
    await this.pushes.drained();
    await this.healing;
    await this.releases.drained();
    this.builds.settle();
    await this.launches.drained();
    await this.bisect.close(options);
    await Promise.all([this.formation.shutdown(options), this.oneOffs.shutdown(options)]);
    await this.bisect.settled();
    await this.routings.drained();
    await this.healing;
    await this.notings.drained();
    await this.drainChanges.drained();
    await this.webhookChanges.drained();
    await this.webhooks.close();
    await this.logs.close();
    await this.drains.close();
    await this.upkeep;
    await this.ledger.close();
  }

  /** Everything that runs, as `ps` lists it. */
  processes(): DynoInfo[] {
    return [...this.oneOffs.list(), ...this.formation.list()];
  }

  async state(): Promise<AppState> {
    return readAppState(await this.ledger.readState());
  }

  log(ps: string, msg: string, source: LogSource = "heroku"): void {
    this.logs.append({ ps, source, msg });
  }

  /** `heroku[api]: Set maintenance mode on by kate@foobazco.com` */
  logChange(actor: Actor, what: string): void {
    this.log("api", `${what} by ${actor.by.email}`);
  }

  logFailedRelease(version: number, reason: string): void {
    const msg = `Release ${formatVersion(version)} failed: ${reason}`;
    this.logs.append({ ps: "api", source: "heroku", level: "error", msg });
  }

  logRelease(actor: Actor, release: Release): void {
    this.logChange(actor, release.description);
    this.logChange(actor, `Release ${formatVersion(release.version)} created`);
  }
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The release of an id that a listing gave. */
export async function findReleaseById(app: App, id: string): Promise<Release | undefined> {
  return UUID.test(id) ? app.ledger.find(id.replaceAll("-", "")) : undefined;
}

/** The object id's first 128 bits, set out as a UUID. */
export function idOfObject(oid: string): string {
  return oid.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
