/** Opens one app in the daemon and introduces its parts to each other: processes write to spools, the log keeper reads
 *  them, the formation tells the router where web listens. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { AppName } from "../core/app-name.ts";
import { readAppState } from "../core/app-state.ts";
import { previousState } from "../core/dyno-words.ts";
import { DURATION_MAX_MS } from "../core/setting-kinds.ts";
import type { Settings } from "../core/settings.ts";
import { Formation } from "../formation/formation.ts";
import type { FormationCallbacks } from "../formation/formation-options.ts";
import { OneOffNumbers } from "../formation/one-off-numbers.ts";
import { OneOffs } from "../formation/one-offs.ts";
import { loadAppKeys } from "../ledger/app-keys.ts";
import { ConfigCipher } from "../ledger/config-cipher.ts";
import { readIfThere, writeDurably } from "../ledger/durable-file.ts";
import { Ledger } from "../ledger/ledger.ts";
import { LogStore, type RetentionPolicy } from "../logs/log-store.ts";
import { Drains } from "../drains/drains.ts";
import { Webhooks } from "../webhooks/webhooks.ts";
import { App, idOfObject } from "./app.ts";
import { Bisect } from "./bisect.ts";
import { settleLostRelease } from "./pending-release.ts";
import { drainRulesOf, openDrains } from "./drains.ts";
import { feedOf } from "./log-feed.ts";
import type { Platform } from "./platform.ts";
import { updateRoute } from "./route.ts";
import { openWebhooks, webhookRulesOf } from "./webhooks.ts";
import { meetWebHealth } from "./web-health.ts";

/** Longer than any setting of the formation, which gives up waiting by itself. */
const DRAIN_PATIENCE_MS = 2 * DURATION_MAX_MS;

const HOOK_ENV = "hook-env";

/** @throws Error when the ledger, its keys or its log cannot be opened; nothing stays open then. */
export async function openApp(platform: Platform, name: AppName): Promise<App> {
  const dir = platform.home.app(name);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await refreshHookEnv(platform, name);
  const cipher = new ConfigCipher(await loadAppKeys(platform.home.configKeys(name)));
  let app: App | undefined;
  const ledger = await Ledger.open({
    ...platform.ledgerParts(),
    repoPath: platform.home.repo(name),
    handedOverKeyPath: platform.home.ledgerKeyBefore(name),
    indexPath: join(dir, "ledger.idx"),
    onWrite: () => app && platform.upkeep.wrote(app),
  });
  try {
    const first = await ledger.get(1);
    const { settings } = readAppState(await ledger.readState());
    const { logs, drains } = await openLogs(platform, name, settings);
    const webhooks = makeWebhooks(platform, name, settings);
    const id = idOfObject(first.oid);
    const parts = { name, id, ledger, logs, drains, webhooks, cipher, clock: platform.clock, dir };
    app = new App(parts, {
      tell: (event) => app && platform.events.tell(app, event),
      formation: (made) => makeFormation(platform, made),
      oneOffs: (made) => makeOneOffs(platform, made),
      bisect: (made) => new Bisect(platform, made),
    });
    await openWebhooks(app);
    await platform.accessLogs.open(app);
    await settlePhase(platform, app);
    startDrains(platform, app);
    platform.upkeep.opened(app);
    return app;
  } catch (error) {
    await ledger.close();
    throw error;
  }
}

/** What the daemon before left of a release phase: the ledger says from the start that it failed, and no release is made
 *  before its process is gone. */
async function settlePhase(platform: Platform, app: App): Promise<void> {
  void app.releases.run(() => app.oneOffs.endReleases());
  await settleLostRelease(platform, app).catch((error: unknown) =>
    platform.journal.fault(`recording the failed release of ${app.name}`, error),
  );
}

/** The log keeps everything until `startDrains`. */
async function openLogs(
  platform: Platform,
  name: AppName,
  settings: Settings,
): Promise<{ logs: LogStore; drains: Drains }> {
  const { clock, random, journal, outbound } = platform;
  const dir = platform.home.app(name);
  const logs: LogStore = await LogStore.open({
    dir: join(dir, "logs"),
    clock,
    beforeRemoval: (segment, next) => drains.beforeRemoval(segment, next),
    onFault: (error) => journal.fault(`looking after the old log of ${name}`, error),
  });
  logs.limit(settings.logRateMax);
  const options = {
    trust: outbound.trust,
    userAgent: `Logplex/${outbound.version} (git-heroku)`,
    dir: join(dir, "drains"),
    feed: feedOf(logs),
    clock,
    random,
    tell: (level: string, msg: string) => logs.append({ ps: "logplex", source: "heroku", level, msg }),
    onFault: (error: unknown) => journal.fault(`a drain of ${name}`, error),
  };
  const drains = new Drains(options, drainRulesOf(settings));
  return { logs, drains };
}

function makeWebhooks(
  { home, clock, random, outbound, journal }: Platform,
  name: AppName,
  settings: Settings,
): Webhooks {
  const onFault = (error: unknown): void => journal.fault(`a webhook of ${name}`, error);
  const { trust, guard, version } = outbound;
  const parts = { trust, guard, userAgent: `git-heroku/${version}`, clock, random, onFault };
  return new Webhooks(join(home.app(name), "webhooks"), parts, webhookRulesOf(settings));
}

/** Old lines are removed from then on, when it is known who still wants them. */
function startDrains(platform: Platform, app: App): void {
  openDrains(app)
    .catch((error: unknown) => platform.journal.fault(`opening the drains of ${app.name}`, error))
    .then(async () => app.logs.retain(retentionOf((await app.state()).settings)))
    .catch((error: unknown) => platform.journal.fault(`the retention of ${app.name}`, error));
}

export function retentionOf({ logAgeMsMax, logBytesMax, logHotMs }: Settings): RetentionPolicy {
  return { ageMsMax: logAgeMsMax, bytesMax: logBytesMax, hotMs: logHotMs };
}

function makeFormation(platform: Platform, app: App): Formation {
  return new Formation({
    app: app.name,
    runtime: platform.runtime,
    ports: platform.ports,
    clock: platform.clock,
    random: platform.random,
    restFile: join(platform.home.app(app.name), "resting.json"),
    callbacks: {
      ...logCallbacks(app),
      onRoutes: (routes) => {
        app.routes = routes;
        updateRoute(platform, app).catch((error: unknown) => platform.journal.fault(`routing to ${app.name}`, error));
      },
      onWebHealth: (health) => {
        app.healing = app.healing.then(() => meetWebHealth(platform, app, health));
      },
      drained: async (endpoint) => {
        // The router must have been told where requests go instead.
        await app.routings.drained();
        await platform.router.drained(endpoint, DRAIN_PATIENCE_MS);
      },
      onFault: (error) => platform.journal.fault(`formation of ${app.name}`, error),
    },
  });
}

function makeOneOffs(platform: Platform, app: App): OneOffs {
  return new OneOffs({
    app: app.name,
    runtime: platform.runtime,
    clock: platform.clock,
    numbers: new OneOffNumbers(join(platform.home.app(app.name), "last-run")),
    callbacks: {
      ...logCallbacks(app),
      onEnd: (end) => app.bisect.probeEnded(end),
      onFault: (error) => platform.journal.fault(`one-off processes of ${app.name}`, error),
    },
  });
}

/** How the app's log learns what processes write, and what is said about them. */
function logCallbacks(app: App): Pick<FormationCallbacks, "log" | "onProcess" | "onExit"> {
  return {
    log: ({ ps, release, message, level }) => {
      app.logs.append({ ps, source: "heroku", release, msg: message, ...(level && { level }) });
      tellOfDyno(app, ps, message);
    },
    onProcess: ({ id, spool, ps, release }) => app.logs.attach({ id, path: spool, ps, release }),
    onExit: ({ id }) => app.logs.finish(id),
  };
}

/** When what is said of a process is that its state is another one. */
function tellOfDyno(app: App, ps: string, message: string): void {
  const before = previousState(message);
  const dyno = before === undefined ? undefined : app.processes().find(({ name }) => name === ps);
  if (before !== undefined && dyno !== undefined) app.tell({ entity: "dyno", dyno, before });
}

/** The machine may have changed since the last start. An app whose file cannot be written, as on a full disk, runs. */
async function refreshHookEnv(platform: Platform, name: AppName): Promise<void> {
  const repository = platform.home.repo(name);
  try {
    if ((await readIfThere(join(repository, HOOK_ENV))) === platform.hooks.env) return;
    await writeHookEnv(repository, platform.hooks.env);
  } catch (error) {
    platform.journal.fault(`writing ${HOOK_ENV} of ${name}`, error);
  }
}

/** The hooks read this file at every push. */
export async function writeHookEnv(repository: string, text: string): Promise<void> {
  await writeDurably(join(repository, HOOK_ENV), text, 0o600);
}
