/** What the daemon is made of: opens the home, the router, the platform, the hooks' door and the API, in this order,
 *  and closes them in the opposite one. */
import { chmodSync } from "node:fs";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { findHome } from "../api/home.ts";
import { AppError } from "../core/error.ts";
import { pickToolEnv } from "../build/tool-env.ts";
import { Trust } from "../outbound/trust.ts";
import { NO_ISOLATION, type Isolation } from "../formation/isolation.ts";
import { describeIsolation } from "../formation/isolation-report.ts";
import { LocalRuntime } from "../formation/local-runtime.ts";
import { PortAllocator } from "../formation/ports.ts";
import { probeIsolation } from "../formation/probe-isolation.ts";
import { HookServer } from "../hook/hook-server.ts";
import { openLedgerKey } from "../ledger/ledger-key.ts";
import { Home } from "../platform/home.ts";
import { openJournal, type Journal } from "../platform/journal.ts";
import { trafficOf } from "../platform/wake.ts";
import { Platform } from "../platform/platform.ts";
import type { HookFiles } from "../platform/platform-parts.ts";
import type { RemoteRouter } from "../router/remote-router.ts";
import { ROUTER_DIRECTORY } from "../router/wire.ts";
import { REQUEST_LIMITS } from "../server/request-limits.ts";
import { createServer } from "../server/server.ts";
import { SshDoor } from "../server/ssh-door.ts";
import { announceEvents } from "../server/webhook-events.ts";
import { lockHome } from "../server/single-instance.ts";
import type { TcpDoor } from "../server/tcp-door.ts";
import { takeApiPort } from "./api-port.ts";
import { addressGuardOf, buildsMaxOf, callsPerHourOf } from "./daemon-limits.ts";
import { hookFiles } from "./hook-files.ts";
import { inspectIsolation, inspectMachine } from "./inspect-machine.ts";
import { choosePublicUrl } from "./public-url.ts";
import { onPost, onReceive } from "./push-door.ts";
import { openRouter } from "./router-port.ts";
import { chooseRouterSettings } from "./router-settings.ts";
import { openSshGate, sshPlaces } from "./ssh-gate.ts";
import { systemClock } from "./system-clock.ts";
import { removeServerFile, writeServerFile } from "./server-file.ts";
import { packageRoot, readVersion } from "./version.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** Resolves when the daemon has stopped.
 *  @throws AppError when another daemon has this home, a newer version wrote it, or a given port is taken */
export async function runDaemon(env: Environment): Promise<void> {
  // Everything the daemon writes is private to its user, sockets included.
  process.umask(0o077);
  const home = await Home.open(findHome(env, process.cwd()));
  // A socket's path may be 108 bytes long, a home's longer: sockets are named from inside of it.
  process.chdir(home.root);
  const lock = await lockHome(home.root, home.socket);
  const isWatched = process.stdout.isTTY || process.argv.includes("--echo");
  const journal = openJournal(home.journal, systemClock, isWatched ? (line) => process.stdout.write(line) : undefined);
  // A terminal that was closed takes no more echoes.
  process.stdout.on("error", () => undefined);
  keepAlive(journal);
  try {
    await serve(home, journal, env);
  } finally {
    await lock.release();
  }
}

async function serve(home: Home, journal: Journal, env: Environment): Promise<void> {
  const startedAt = systemClock.now();
  const version = readVersion();
  const stop = new StopRequest();
  const limits = { ...REQUEST_LIMITS, callsPerHour: callsPerHourOf(env) };
  const hooks = await hookFiles(home);
  const isolation = isolationOf(home, journal);
  const door = await takeApiPort({ home, journal, env });
  const parts = { home, journal, env, version, hooks: hooks.files, isolation, apiUrl: door.url };
  const { platform, router } = await openPlatform(parts);
  const hookServer = await HookServer.listen({
    dir: home.git,
    clock: systemClock,
    tcp: hooks.client === "bash",
    onReceive: (push) => onReceive(platform, push),
    onPost: (push) => onPost(platform, push),
    onBug: (error) => journal.fault("push", error),
  });
  announceEvents(platform);
  const control = {
    version,
    startedAt,
    stop: (options: { apps: boolean }) => stop.ask(options),
    router: () => router.about,
    replaceRouter: () => replaceRouter(router),
    doctor: async () => [
      ...(await inspectMachine({ platform, client: hooks.client, router: router.about, version })),
      ...inspectIsolation(await isolation),
    ],
  };
  const server = createServer(platform, control, limits);
  const about = { pid: process.pid, router: platform.routerUrl, api: door.url, version };
  await listen(server, door, () => writeServerFile(home, journal, about));
  const sshDoor = new SshDoor(server);
  const sshGate = await openSshGate(platform, sshPlaces(home.ssh, hooks.files.dir, env), sshDoor);
  const places = `router ${platform.routerUrl}, api ${door.url}`;
  journal.note(`started, version ${version}, pid ${String(process.pid)}, ${places}`);
  const told = isolation.then((known) => noteIsolation(journal, known));
  const options = await stop.asked;
  await told;
  journal.note(options.apps ? "stopping, with all apps" : "stopping, apps run on");
  await removeServerFile(home, journal);
  platform.beginClose();
  await Promise.all([hookServer.close(), sshGate.close()]);
  await platform.close(options);
  await server.close();
  if (options.apps) await router.end();
  else router.close();
  journal.note("stopped");
}

async function replaceRouter(router: RemoteRouter): Promise<void> {
  try {
    await router.replace();
  } catch (error) {
    throw new AppError("unavailable", `The router could not be replaced: ${(error as Error).message}`, {
      hint: "The one before serves on. Look into `git heroku server:logs`.",
    });
  }
}

/** Known some moments later; the first process waits for it. */
async function isolationOf(home: Home, journal: Journal): Promise<Isolation> {
  try {
    return await probeIsolation({ clock: systemClock, appsDirectory: home.apps, platformHome: home.root });
  } catch (error) {
    journal.fault("finding out how to isolate processes", error);
    return NO_ISOLATION;
  }
}

/** Once for each daemon, not at each start of a process. */
function noteIsolation(journal: Journal, isolation: Isolation): void {
  for (const { level, name, message } of describeIsolation(isolation)) {
    if (level !== "ok" && name !== "users") journal.note(`${name}: ${message}`);
  }
}

/** Nobody is answered before `announce` is done: whoever has spoken to the daemon finds server.json, and whoever finds
 *  server.json can speak to the daemon. */
async function listen(server: FastifyInstance, door: TcpDoor, announce: () => Promise<void>): Promise<void> {
  let announced: Promise<void> | undefined;
  server.addHook("onRequest", (_request, _reply, done) => {
    if (announced === undefined) return done();
    const go = (): void => done();
    announced.then(go, done);
    return undefined;
  });
  server.addHook("onClose", () => door.close());
  announced = server.listen({ path: "server.sock" }).then(() => {
    chmodSync("server.sock", 0o600);
    return announce();
  });
  await announced;
  announced = undefined;
  door.open(server);
}

interface PlatformRequest {
  isolation: Promise<Isolation>;
  apiUrl: string;
  home: Home;
  journal: Journal;
  env: Environment;
  version: string;
  hooks: HookFiles;
}

async function openPlatform(request: PlatformRequest): Promise<{ platform: Platform; router: RemoteRouter }> {
  const { home, journal, env, hooks, isolation } = request;
  let platform: Platform | undefined;
  const traffic = trafficOf(() => platform);
  const { bases, settings } = await chooseRouterSettings(home, journal, env);
  const router = await openRouter({
    ...request,
    clock: systemClock,
    script: join(packageRoot(), "dist", "bin", "routerd.js"),
    // As server.sock: from inside of the home.
    directory: ROUTER_DIRECTORY,
    settings,
    onEvent: ({ event, app }) => (event === "wake" ? traffic.onWake(app) : traffic.onQuiet(app)),
    onSpools: () => platform?.accessLogs.changed(),
  });
  const publicUrl = await choosePublicUrl(home, journal, env);
  platform = await Platform.open({
    home,
    clock: systemClock,
    random: Math.random,
    journal,
    router,
    apiUrl: request.apiUrl,
    publicUrl,
    accessSpools: () => router.spools,
    bases,
    runtime: await LocalRuntime.open({ appsDirectory: home.apps, clock: systemClock, isolation }),
    isolation,
    ports: new PortAllocator({ clock: systemClock, random: Math.random }),
    signingKey: await openLedgerKey(home.signingKey),
    hooks,
    processPath: env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
    toolEnv: pickToolEnv(env),
    buildsMax: buildsMaxOf(env),
    outbound: {
      trust: new Trust(home.authoritiesFile, env["NODE_EXTRA_CA_CERTS"]),
      guard: addressGuardOf(env),
      version: request.version,
    },
  });
  // A daemon that was killed as it renamed an app has left its entry under the former name.
  await router.keepApps([...platform.names, ...platform.formerNames.all]);
  return { platform, router };
}

/** The first request to stop counts: a signal, or the API's. */
class StopRequest {
  readonly asked: Promise<{ apps: boolean }>;
  private resolve: (options: { apps: boolean }) => void = () => undefined;

  constructor() {
    this.asked = new Promise((resolve) => {
      this.resolve = resolve;
    });
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => this.ask({ apps: false }));
    // The terminal that started it may close; the daemon stays.
    process.on("SIGHUP", () => undefined);
  }

  ask(options: { apps: boolean }): void {
    this.resolve(options);
  }
}

/** A bug in one request must not take every app's logs and restarts down with it: told, and gone on. */
function keepAlive(journal: Journal): void {
  process.on("uncaughtException", (error) => journal.fault("uncaught", error));
  process.on("unhandledRejection", (error) => journal.fault("unhandled", error));
}
