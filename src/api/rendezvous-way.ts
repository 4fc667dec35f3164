/** A port on the loopback that leads over a line to the rendezvous of one attached process on a platform elsewhere: for Heroku's
 *  own client, which opens TLS to the address that it is told. The bytes are handed on as they are, so that it is the platform's
 *  own certificate which the client sees; it is made for 127.0.0.1, which this is too. */
import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { Line } from "./line.ts";

const HOST = "127.0.0.1";
/** Longer than a platform waits for whoever attaches. */
const PATIENCE_MS = 300_000;
const ADDRESS = /^rendezvous:\/\/[^/]+\/([\w-]+)$/;

export class RendezvousWays {
  readonly #line: Line;
  readonly #open = new Set<Server>();
  readonly #clients = new Set<Socket>();

  constructor(line: Line) {
    this.#line = line;
  }

  /** What to tell the client instead of an `attach_url`; the same for what is none. */
  async addressFor(attachUrl: string): Promise<string> {
    const [, secret] = ADDRESS.exec(attachUrl) ?? [];
    if (secret === undefined) return attachUrl;
    const server = createServer((client) => void this.#lead(client, secret));
    server.listen({ host: HOST, port: 0 });
    await once(server, "listening");
    this.#open.add(server);
    // Connections go on.
    const timer = setTimeout(() => server.close(), PATIENCE_MS).unref();
    server.once("close", () => {
      clearTimeout(timer);
      this.#open.delete(server);
    });
    return `rendezvous://${HOST}:${String((server.address() as AddressInfo).port)}/${secret}`;
  }

  close(): void {
    for (const server of this.#open) server.close();
    for (const client of this.#clients) client.destroy();
  }

  async #lead(client: Socket, secret: string): Promise<void> {
    this.#clients.add(client);
    client.on("error", () => undefined).once("close", () => this.#clients.delete(client));
    try {
      const platform = await this.#line.upgrade(`/rendezvous/${secret}`);
      if (client.destroyed) return void platform.destroy();
      platform.on("error", () => undefined).once("close", () => client.destroy());
      client.setNoDelay(true).once("close", () => platform.destroy());
      client.pipe(platform).pipe(client);
    } catch {
      // The process is gone, or was never there.
      client.destroy();
    }
  }
}
