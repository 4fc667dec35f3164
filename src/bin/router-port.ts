/** Opens the router of a home: finds the process that serves, or starts one. Its port is the one asked for, else the one
 *  used before, else 5000, else any free one. Once chosen it is kept in `ports.json`, so that an app's address does not
 *  change when nobody is left to remember it. */
import { readdir, readFile } from "node:fs/promises";
import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/error.ts";
import { writeDurably } from "../ledger/durable-file.ts";
import type { Home } from "../platform/home.ts";
import type { Journal } from "../platform/journal.ts";
import type { AppRoute } from "../router/route-table.ts";
import { RemoteRouter, RouterPortTaken } from "../router/remote-router.ts";
import type { NameSettings, TrafficEvent } from "../router/wire.ts";

const PORT_DEFAULT = 5000;

export interface RouterRequest {
  home: Home;
  journal: Journal;
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  version: string;
  /** Absolute path of routerd. */
  script: string;
  /** Where the routers' sockets are: a path short enough for a socket. */
  directory: string;
  settings: NameSettings;
  onEvent: (event: TrafficEvent) => void;
  onSpools: () => void;
}

/** @throws AppError unavailable when a port that was asked for is taken */
export async function openRouter(request: RouterRequest): Promise<RemoteRouter> {
  const { home, journal } = request;
  const asked = readPort(request.env["GIT_HEROKU_ROUTER_PORT"]);
  const before = await rememberedPort(home);
  const isPortFixed = asked !== undefined && asked > 0;
  const usual = [before, asked ?? PORT_DEFAULT, 0].filter((port) => port !== undefined);
  try {
    const router = await RemoteRouter.open({
      ...request,
      home: home.root,
      program: { node: process.execPath, script: request.script },
      output: home.journal,
      ports: isPortFixed ? [asked] : [...new Set(usual)],
      isPortFixed,
      routes: () => heldRoutes(home),
      onNote: (message) => journal.note(message),
      onFault: (during, error) => journal.fault(during, error),
    });
    if (router.port !== before) await rememberPort(request, router.port);
    return router;
  } catch (error) {
    if (!(error instanceof RouterPortTaken)) throw error;
    if (isPortFixed) throw portTaken(asked);
    throw new AppError("unavailable", "No port is free for the router.", { cause: error });
  }
}

/** Requests for these apps wait until the platform has found out where to send them. */
async function heldRoutes(home: Home): Promise<AppRoute[]> {
  const repositories = (await readdir(home.repos)).filter((name) => /^[a-z0-9].*\.git$/.test(name));
  return repositories.map((name) => ({
    app: name.slice(0, -".git".length),
    domains: [],
    maintenance: false,
    state: "starting",
    backends: [],
  }));
}

function readPort(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  const port = Number(text);
  if (isPort(port)) return port;
  throw new AppError("invalid_params", `GIT_HEROKU_ROUTER_PORT is ${JSON.stringify(text.slice(0, 20))}, not a port.`, {
    hint: "Give a number from 1 to 65535, or 0 for any free port.",
  });
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= 65_535;
}

/** A port that cannot be remembered, as on a full disk, serves all the same. */
async function rememberPort({ home, journal }: RouterRequest, port: number): Promise<void> {
  try {
    await writeDurably(home.portsFile, `{"router":${String(port)}}\n`, 0o600);
  } catch (error) {
    journal.fault("writing ports.json", error);
  }
}

async function rememberedPort(home: Home): Promise<number | undefined> {
  try {
    const ports: unknown = JSON.parse(await readFile(home.portsFile, "utf8"));
    const port = typeof ports === "object" && ports !== null && "router" in ports ? ports.router : undefined;
    return typeof port === "number" && isPort(port) && port > 0 ? port : undefined;
  } catch {
    // Missing or damaged: a port is chosen anew.
    return undefined;
  }
}

function portTaken(port: number): AppError {
  return new AppError("unavailable", `Port ${String(port)} is taken by another program.`, {
    hint: "Set GIT_HEROKU_ROUTER_PORT to another port, or to 0 for any free one.",
  });
}
