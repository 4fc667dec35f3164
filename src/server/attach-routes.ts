/** /attachments/SECRET: the way to an attached one-off process, as an HTTP upgrade (RFC 9110, section 7.8). From then on
 *  both sides send frames (core/run-frames.ts), or, at /rendezvous/SECRET, what they would send at the rendezvous. The secret is
 *  all that is asked for: who has it may come, once. */
import { STATUS_CODES, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import type { FastifyInstance } from "fastify";
import { AppError } from "../core/error.ts";
import type { Platform } from "../platform/platform.ts";
import { exchangeFrames } from "./attached-client.ts";
import type { Rendezvous } from "./rendezvous.ts";

const PROTOCOL = "git-heroku-run";
const DOORS = {
  "/attachments/:name":
    "101, with `Upgrade: git-heroku-run`: the way to an [attached](#one-off-processes) process; NAME is its secret",
  "/rendezvous/:name": "101, with the same: that way for a client that speaks TLS to it",
};
const PATH = /^\/(attachments|rendezvous)\/([\w-]{1,100})$/;

export function attachmentPath(secret: string): string {
  return `/attachments/${secret}`;
}

export function attachRoutes(server: FastifyInstance): void {
  for (const [path, summary] of Object.entries(DOORS)) {
    server.get(path, { schema: { summary } }, () => {
      throw notUpgraded();
    });
  }
  // For whoever has no file of it.
  server.get(
    "/rendezvous",
    { schema: { summary: "What a client of an [attach_url](#one-off-processes) has to trust, in PEM" } },
    async () => ({ certificate: await server.rendezvous.certificate() }),
  );
}

/** Upgrades pass all routes by, so each server that is to have them is told here. */
export function serveAttachments(server: Server, platform: Platform, rendezvous: Rendezvous): void {
  server.on("upgrade", (request: IncomingMessage, client: Duplex, head: Buffer) => {
    client.on("error", () => undefined);
    try {
      if (!isUpgrade(request)) throw notUpgraded();
      const serve = find(platform, rendezvous, request);
      client.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${PROTOCOL}\r\n\r\n`);
      client.unshift(head);
      serve(client).catch((error: unknown) => platform.journal.fault("the connection to a one-off process", error));
    } catch (error) {
      refuse(client, error as AppError);
    }
  });
}

function isUpgrade({ method, headers }: IncomingMessage): boolean {
  return method === "GET" && headers.upgrade?.toLowerCase() === PROTOCOL;
}

type Serve = (client: Duplex) => Promise<void>;

function find(platform: Platform, rendezvous: Rendezvous, { url = "" }: IncomingMessage): Serve {
  const [, door, secret = ""] = PATH.exec(url) ?? [];
  // There the secret comes once more, over TLS, and is used up then.
  if (door === "rendezvous" && platform.attachments.has(secret)) return (client) => rendezvous.enter(client);
  const attachment = door === "attachments" ? platform.attachments.take(secret) : undefined;
  if (attachment !== undefined) return (client) => exchangeFrames(platform, attachment, client);
  throw new AppError("not_found", "There is no process to attach to here.", {
    hint: "Each address can be used once, within half a minute.",
  });
}

function notUpgraded(): AppError {
  return new AppError("bad_request", `This wants a GET of an attachment with \`Upgrade: ${PROTOCOL}\`.`);
}

function refuse(client: Duplex, { id, status, message, hint }: AppError): void {
  const body = JSON.stringify({ id, message, hint });
  const head = [
    `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ""}`,
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${String(Buffer.byteLength(body))}`,
    "Connection: close",
  ];
  client.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
