/** Opens the router of a home: finds the process that serves, or starts one. Its port is the one asked for, else the one
 *  used before, else 5000, else any free one. */
import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/error.ts";
import { listRepositories, readFormerNames } from "../platform/former-names.ts";
import type { Home } from "../platform/home.ts";
import type { Journal } from "../platform/journal.ts";
import type { AppRoute } from "../router/route-table.ts";
import { RemoteRouter, RouterPortTaken } from "../router/remote-router.ts";
import type { HomeSettings, TrafficEvent } from "../router/wire.ts";
import { planPorts, portTaken, rememberPort } from "./ports.ts";

const PORT_DEFAULT = 5000;
const VARIABLE = "GIT_HEROKU_ROUTER_PORT";

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
  settings: HomeSettings;
  onEvent: (event: TrafficEvent) => void;
  onSpools: () => void;
}

/** @throws AppError unavailable when a port that was asked for is taken */
export async function openRouter(request: RouterRequest): Promise<RemoteRouter> {
  const { home, journal } = request;
  const asked = request.env["GIT_HEROKU_ROUTER_PORT"];
  const wish = { name: "router", variable: VARIABLE, asked, usual: PORT_DEFAULT } as const;
  const { ports, isFixed, before } = await planPorts(home, wish);
  try {
    const router = await RemoteRouter.open({
      ...request,
      home: home.root,
      program: { node: process.execPath, script: request.script },
      output: home.journal,
      ports,
      isPortFixed: isFixed,
      routes: () => heldRoutes(home),
      onNote: (message) => journal.note(message),
      onFault: (during, error) => journal.fault(during, error),
    });
    if (router.port !== before) await rememberPort(request, "router", router.port);
    return router;
  } catch (error) {
    if (!(error instanceof RouterPortTaken)) throw error;
    if (isFixed) throw portTaken(VARIABLE, ports[0] ?? 0);
    throw new AppError("unavailable", "No port is free for the router.", { cause: error });
  }
}

/** Requests for these apps wait until the platform has found out where to send them. */
async function heldRoutes(home: Home): Promise<AppRoute[]> {
  const names = await readFormerNames(home);
  return (await listRepositories(home)).map((app) => ({
    app,
    domains: [],
    formerNames: [...names.keys()].filter((former) => names.get(former) === app),
    maintenance: false,
    state: "starting",
    backends: [],
  }));
}
