/** Ports for web processes, and the question whether somebody listens there.
 *  Several platforms may share a machine, so every port is tried before it is given out, and on Linux claimed: until its
 *  process listens, and while somebody tries it, nothing else would keep another platform from it. */
import { connect, createServer, type ListenOptions, type Server } from "node:net";
import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/error.ts";
import { PROCESS_PORTS } from "../core/process-ports.ts";

export interface PortAllocatorOptions {
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  readonly first?: number;
  readonly last?: number;
}

/** A port rests before it is used again, if there are others, so that late packets of its last owner reach nobody. */
const REST_MS = 60_000;

export class PortAllocator {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #first: number;
  readonly #count: number;
  readonly #taken = new Set<number>();
  readonly #claims = new Map<number, Server>();
  readonly #freedAt = new Map<number, number>();

  constructor(options: PortAllocatorOptions) {
    this.#clock = options.clock;
    this.#random = options.random;
    this.#first = options.first ?? PROCESS_PORTS.first;
    this.#count = (options.last ?? PROCESS_PORTS.last) - this.#first + 1;
  }

  /** @throws AppError unavailable when every port is in use. */
  async allocate(): Promise<number> {
    const found = (await this.#find((port) => !this.#isResting(port))) ?? (await this.#find(() => true));
    if (found === undefined) throw new AppError("unavailable", "No port is free for another web process.");
    return found;
  }

  async #find(isWanted: (port: number) => boolean): Promise<number | undefined> {
    const start = Math.floor(this.#random() * this.#count);
    for (let step = 0; step < this.#count; step += 1) {
      const port = this.#first + ((start + step) % this.#count);
      if (this.#taken.has(port) || !isWanted(port)) continue;
      this.#taken.add(port);
      if ((await this.#claim(port)) && (await isFree(port))) return port;
      this.#giveBack(port);
    }
    return undefined;
  }

  /** Whether no other platform has it. An abstract socket says so, which the kernel takes away with its owner. */
  async #claim(port: number): Promise<boolean> {
    if (process.platform !== "linux") return true;
    const claim = await listen({ path: `\0git-heroku-port-${String(port)}` });
    if (claim instanceof Error) return false;
    this.#claims.set(port, claim.unref());
    return true;
  }

  #giveBack(port: number): void {
    this.#taken.delete(port);
    this.#claims.get(port)?.close();
    this.#claims.delete(port);
  }

  /** A process from before has this port. */
  reserve(port: number): void {
    this.#taken.add(port);
  }

  release(port: number): void {
    this.#giveBack(port);
    this.#freedAt.set(port, this.#clock.now());
  }

  #isResting(port: number): boolean {
    const freedAt = this.#freedAt.get(port);
    if (freedAt === undefined) return false;
    if (this.#clock.now() - freedAt < REST_MS) return true;
    this.#freedAt.delete(port);
    return false;
  }
}

/** Both families are tried, because a process may listen on either. */
async function isFree(port: number): Promise<boolean> {
  return (await canListen(port, "::")) && (await canListen(port, "127.0.0.1"));
}

async function canListen(port: number, host: string): Promise<boolean> {
  const server = await listen({ port, host, exclusive: true });
  if (server instanceof Error) return server.code === "EAFNOSUPPORT" || server.code === "EADDRNOTAVAIL";
  await new Promise((resolve) => server.close(resolve));
  return true;
}

/** Resolves to what the system has against it, when it has. */
function listen(address: ListenOptions): Promise<Server | NodeJS.ErrnoException> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", resolve).listen(address, () => resolve(server));
  });
}

const CONNECT_TIMEOUT_MS = 1_000;

export const LOOPBACK = "127.0.0.1";

export function acceptsConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: LOOPBACK, timeout: CONNECT_TIMEOUT_MS });
    const answer = (accepted: boolean) => (): void => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once("connect", answer(true)).once("error", answer(false)).once("timeout", answer(false));
  });
}
