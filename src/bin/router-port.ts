/** The router's port: the one asked for, else the one used before, else 5000, else any free one. Once chosen it is
 *  kept in `ports.json`, so that an app's address does not change when the daemon restarts. */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/error.ts";
import { writeDurably } from "../ledger/durable-file.ts";
import type { Home } from "../platform/home.ts";
import type { Journal } from "../platform/journal.ts";
import { Router } from "../router/router.ts";
import type { RouterSettings } from "../router/settings.ts";

const PORT_DEFAULT = 5000;

interface RouterRequest {
  home: Home;
  journal: Journal;
  env: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  settings: Partial<RouterSettings>;
  log: (app: string, line: string) => void;
  onWake: (app: string) => void;
  onQuiet: (app: string) => void;
}

/** @throws AppError unavailable when a port that was asked for is taken */
export async function openRouter(request: RouterRequest): Promise<Router> {
  const asked = readPort(request.env["GIT_HEROKU_ROUTER_PORT"]);
  const before = await rememberedPort(request.home);
  const candidates = asked !== undefined && asked > 0 ? [asked] : [before, asked ?? PORT_DEFAULT, 0];
  for (const port of new Set(candidates)) {
    if (port === undefined) continue;
    const router = await tryPort(request, port);
    if (router === undefined) {
      if (asked !== undefined && asked > 0) throw portTaken(port);
      request.journal.note(`port ${String(port)} is taken by another program`);
      continue;
    }
    if (router.port !== before) await rememberPort(request, router.port);
    return router;
  }
  throw new AppError("unavailable", "No port is free for the router.");
}

async function tryPort(request: RouterRequest, port: number): Promise<Router | undefined> {
  try {
    return await Router.listen({
      host: "127.0.0.1",
      port,
      clock: request.clock,
      randomId: randomUUID,
      onRequest: request.log,
      onWake: request.onWake,
      onQuiet: request.onQuiet,
      settings: request.settings,
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE" || code === "EACCES") return undefined;
    throw error;
  }
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
