/** The ports of a home: what a person asks for by the environment, and which ones were used before. These are kept in
 *  `ports.json`, so that an address does not change when nobody is left to remember it. */
import { AppError } from "../core/error.ts";
import { readIfThere, writeDurably } from "../ledger/durable-file.ts";
import type { Home } from "../platform/home.ts";
import type { Journal } from "../platform/journal.ts";

export type PortName = "router" | "api";

export interface PortWish {
  name: PortName;
  /** Such as `GIT_HEROKU_ROUTER_PORT`. */
  variable: string;
  /** What it says. */
  asked: string | undefined;
  /** Used when nobody asks for another one. */
  usual: number;
}

export interface PortPlan {
  /** In this order; 0 is any free one. */
  ports: number[];
  /** Somebody asked for this very port. */
  isFixed: boolean;
  before: number | undefined;
}

/** The port asked for, else the one used before, else the usual one, else any.
 *  @throws AppError invalid_params when what is asked for is no port */
export async function planPorts(home: Home, { name, variable, asked: text, usual }: PortWish): Promise<PortPlan> {
  const asked = readPort(variable, text);
  const before = (await rememberedPorts(home))[name];
  if (asked !== undefined && asked > 0) return { ports: [asked], isFixed: true, before };
  const ports = [before, asked ?? usual, 0].filter((port) => port !== undefined);
  return { ports: [...new Set(ports)], isFixed: false, before };
}

/** A port that cannot be remembered, as on a full disk, serves all the same. */
export async function rememberPort(
  { home, journal }: { home: Home; journal: Journal },
  name: PortName,
  port: number,
): Promise<void> {
  try {
    const ports = { ...(await rememberedPorts(home)), [name]: port };
    await writeDurably(home.portsFile, `${JSON.stringify(ports)}\n`, 0o600);
  } catch (error) {
    journal.fault("writing ports.json", error);
  }
}

export function portTaken(variable: string, port: number): AppError {
  return new AppError("unavailable", `Port ${String(port)} is taken by another program.`, {
    hint: `Set ${variable} to another port, or to 0 for any free one.`,
  });
}

function readPort(variable: string, text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  const port = Number(text);
  if (isPort(port)) return port;
  throw new AppError("invalid_params", `${variable} is ${JSON.stringify(text.slice(0, 20))}, not a port.`, {
    hint: "Give a number from 1 to 65535, or 0 for any free port.",
  });
}

async function rememberedPorts(home: Home): Promise<Partial<Record<PortName, number>>> {
  try {
    const stored: unknown = JSON.parse((await readIfThere(home.portsFile)) ?? "{}");
    const ports = Object.entries(typeof stored === "object" && stored !== null ? stored : {});
    return Object.fromEntries(ports.filter(([, port]) => typeof port === "number" && isPort(port) && port > 0));
  } catch {
    // Damaged: a port is chosen anew.
    return {};
  }
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= 65_535;
}
