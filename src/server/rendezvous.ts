/** The door for Heroku's own client to an attached one-off process: over TLS it sends a secret on a line, and then both sides
 *  send bare bytes (`heroku run`, attach_url `rendezvous://HOST:PORT/SECRET`). It is opened when somebody first needs it. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { FRAME } from "../core/run-frames.ts";
import type { Attachment } from "../platform/attachments.ts";
import type { Platform } from "../platform/platform.ts";
import { cutWith, give } from "./attached-client.ts";
import { openCertificate, type Certificate } from "../platform/certificate.ts";

declare module "fastify" {
  interface FastifyInstance {
    rendezvous: Rendezvous;
  }
}

const HOST = "127.0.0.1";
const CONNECTIONS_MAX = 256;
const SECRET_LINE = /^([\w-]{1,100})\r?\n/;
const SECRET_BYTES_MAX = 200;
const SECRET_PATIENCE_MS = 10_000;
const GREETING = "rendezvous\r\n";
/** The client throws away all that comes together with the greeting. */
const GREETING_PAUSE_MS = 20;
/** A client whose input has ended says so by this; writing it to a closed connection would be its failure. */
const END_OF_INPUT = 0x04;
const LINGER_MS = 50;

export class Rendezvous {
  readonly #platform: Platform;
  #certificate: Promise<Certificate> | undefined;
  #server: Promise<Server> | undefined;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** In PEM: for clients on another machine than its file. */
  async certificate(): Promise<string> {
    return (await this.#open()).cert;
  }

  /** Path of the certificate, which is there from now on: what NODE_EXTRA_CA_CERTS has to name. */
  async certificateFile(): Promise<string> {
    await this.#open();
    return this.#platform.home.certificate;
  }

  async url(secret: string): Promise<string> {
    const server = await this.#started();
    return `rendezvous://${HOST}:${String((server.address() as AddressInfo).port)}/${secret}`;
  }

  /** A client that has come by another door: TLS begins with its next byte. */
  async enter(client: Duplex): Promise<void> {
    (await this.#started()).emit("connection", client);
  }

  async close(): Promise<void> {
    const server = await this.#server?.catch(() => undefined);
    server?.close();
  }

  #open(): Promise<Certificate> {
    const { home, clock } = this.#platform;
    const files = { key: home.certificateKey, certificate: home.certificate };
    this.#certificate ??= openCertificate(files, clock).catch((error: unknown) => {
      this.#certificate = undefined;
      throw error;
    });
    return this.#certificate;
  }

  #started(): Promise<Server> {
    return (this.#server ??= this.#listen());
  }

  async #listen(): Promise<Server> {
    try {
      const server = createServer({ ...(await this.#open()), minVersion: "TLSv1.2" }, (client) => {
        client.on("error", () => undefined);
        this.#serve(client).catch((error: unknown) => this.#platform.journal.fault("a rendezvous", error));
      });
      server.maxConnections = CONNECTIONS_MAX;
      server.listen({ host: HOST, port: 0 });
      await once(server, "listening");
      return server;
    } catch (error) {
      this.#server = undefined;
      throw error;
    }
  }

  async #serve(client: TLSSocket): Promise<void> {
    const { closing, attachments } = this.#platform;
    const unbind = cutWith(client, [closing]);
    client.setNoDelay(true);
    client.setTimeout(SECRET_PATIENCE_MS, () => client.destroy());
    const secret = await readSecret(client);
    client.setTimeout(0);
    const attachment = secret === undefined ? undefined : attachments.take(secret);
    if (attachment === undefined) client.destroy();
    else await exchangeBytes(this.#platform, attachment, client);
    unbind();
  }
}

/** What follows the line is left in the stream. */
async function readSecret(client: TLSSocket): Promise<string | undefined> {
  let bytes = Buffer.alloc(0);
  while (bytes.length <= SECRET_BYTES_MAX) {
    const chunk = client.read() as Buffer | null;
    if (chunk === null) {
      if (client.readableEnded || client.destroyed) return undefined;
      await Promise.race([once(client, "readable"), once(client, "close")]).catch(() => undefined);
      continue;
    }
    bytes = Buffer.concat([bytes, chunk]);
    const line = SECRET_LINE.exec(bytes.toString("latin1"));
    if (line === null) continue;
    if (bytes.length > line[0].length) client.unshift(bytes.subarray(line[0].length));
    return line[1];
  }
  return undefined;
}

async function exchangeBytes(platform: Platform, attachment: Attachment, client: TLSSocket): Promise<void> {
  const { clock, closing } = platform;
  const unbind = cutWith(client, [attachment.cut]);
  client.write(GREETING);
  await clock.sleep(GREETING_PAUSE_MS, closing);
  const session = { isOver: false };
  const inputEnd = takeInput(attachment, client);
  client.once("close", () => {
    if (!session.isOver) attachment.leave();
  });
  for await (const { payload } of attachment.output()) await give(client, payload);
  session.isOver = true;
  await Promise.race([inputEnd, clock.sleep(LINGER_MS, closing)]);
  client.end();
  unbind();
}

/** Resolves when the client has said that its input is over. */
async function takeInput(attachment: Attachment, client: TLSSocket): Promise<void> {
  try {
    for await (const chunk of client as AsyncIterable<Buffer>) {
      const isLast = chunk.at(-1) === END_OF_INPUT;
      if (attachment.hasTerminal || !isLast) await attachment.send(FRAME.stdin, chunk);
      else {
        await attachment.send(FRAME.stdin, chunk.subarray(0, -1));
        await attachment.send(FRAME.stdinEnd);
      }
    }
  } catch {
    // The connection is gone.
  }
}
