/** Ports for processes on the developer's machine that nobody has, least of all a platform on the same machine. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { AppError } from "../core/error.ts";
import { PROCESS_PORTS } from "../core/process-ports.ts";

/** foreman's. */
export const PORT_DEFAULT = 5000;
const PORT_STEP = 1000;
const PORT_MAX = 65_535;

/** The first of the ports: the one asked for, or 5000, or else 6000, 7000 and so on.
 *  @param offsets of the ports that are needed, from the first one.
 *  @throws AppError invalid_params for what is no port, unavailable when a port that was asked for is taken. */
export async function chooseFirstPort(
  offsets: readonly number[],
  asked: string | undefined,
  home: string,
): Promise<number> {
  const isFree = await freeBeside(home);
  if (asked !== undefined) {
    const first = readPort(asked, Math.max(...offsets));
    const taken = await findTaken(first, offsets, isFree);
    if (taken === undefined) return first;
    throw new AppError("unavailable", `Port ${String(taken)} is taken.`, {
      hint: "Choose other ports with --port; each process type has the next hundred.",
    });
  }
  for (let first = PORT_DEFAULT; first < PROCESS_PORTS.first; first += PORT_STEP) {
    if ((await findTaken(first, offsets, isFree)) === undefined) return first;
  }
  throw new AppError("unavailable", "No free ports were found.", { hint: "Choose them with --port." });
}

function readPort(text: string, offset: number): number {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port + offset <= PORT_MAX) return port;
  throw new AppError("invalid_params", `${JSON.stringify(text.slice(0, 20))} is not a port to begin with.`, {
    hint: `Give a number from 1 to ${String(PORT_MAX - offset)}.`,
  });
}

async function findTaken(
  first: number,
  offsets: readonly number[],
  isFree: (port: number) => Promise<boolean>,
): Promise<number | undefined> {
  for (const offset of offsets) if (!(await isFree(first + offset))) return first + offset;
  return undefined;
}

/** A platform keeps its ports for its next start, also while it does not run. */
async function freeBeside(home: string): Promise<(port: number) => Promise<boolean>> {
  const kept = await Promise.all(["ports.json", "server.json"].map((name) => portsIn(join(home, name))));
  const taken = new Set(kept.flat());
  return async (port) => !taken.has(port) && (await canListen(port, "::")) && canListen(port, "127.0.0.1");
}

async function portsIn(path: string): Promise<number[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return [...text.matchAll(/"(?:router|api)":\s*(?:"[^"]*:)?([0-9]{1,5})\b/g)].map(([, port]) => Number(port));
}

function canListen(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code === "EAFNOSUPPORT" || error.code === "EADDRNOTAVAIL");
    });
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
