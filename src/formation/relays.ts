/** The connections to the relays (relay-program.ts) of this daemon's runs. */
import { closeSync, openSync } from "node:fs";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setImmediate as otherWork } from "node:timers/promises";
import { RELAY_SOCKET } from "./run-plan.ts";

export class Relays {
  readonly #byId = new Map<string, Duplex>();
  readonly #open = new Set<Duplex>();

  get(id: string): Duplex | undefined {
    return this.#byId.get(id);
  }

  /** Runs `launch`, whose process connects to a socket in the directory; resolves when it has done so, or has ended. */
  async admit<T extends { ended: Promise<unknown> }>(
    id: string,
    directory: string,
    launch: () => Promise<T>,
  ): Promise<T> {
    const door = await RelayDoor.open(directory);
    try {
      const launched = await launch();
      // One that has ended may have come before its coming is heard of.
      const ended = launched.ended.then(() => otherWork()).then(() => otherWork());
      const relay = await Promise.race([door.relay, ended]);
      if (relay !== undefined) this.#keep(id, relay);
      return launched;
    } finally {
      door.close();
    }
  }

  #keep(id: string, relay: Duplex): void {
    this.#byId.set(id, relay);
    this.#open.add(relay);
    relay.once("close", () => this.#open.delete(relay));
  }

  /** The process is gone; what it wrote may still be read. */
  forget(id: string): void {
    this.#byId.delete(id);
  }

  remove(id: string): void {
    this.#byId.get(id)?.destroy();
    this.#byId.delete(id);
  }

  close(): void {
    for (const relay of this.#open) relay.destroy();
  }
}

/** A socket for one connection. */
class RelayDoor {
  readonly relay: Promise<Socket>;
  readonly #server: Server;
  readonly #descriptor: number;

  /** A socket's path may be 108 bytes long, a directory's longer: so it is named by the directory's descriptor. */
  static async open(directory: string): Promise<RelayDoor> {
    const descriptor = openSync(directory, "r");
    const server = createServer();
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen({ path: `/proc/self/fd/${String(descriptor)}/${RELAY_SOCKET}` }, resolve);
      });
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
    return new RelayDoor(server, descriptor);
  }

  private constructor(server: Server, descriptor: number) {
    this.#server = server;
    this.#descriptor = descriptor;
    this.relay = new Promise((resolve) => {
      server.once("connection", (socket) => {
        // Its end is what counts.
        socket.on("error", () => undefined);
        resolve(socket);
      });
    });
  }

  /** The connection stays. */
  close(): void {
    this.#server.close();
    // Closing a server of this kind removes its socket, at once.
    closeSync(this.#descriptor);
  }
}
