/** /attachments/SECRET: the way to an attached one-off process, as an HTTP upgrade (RFC 9110, section 7.8). From then on
 *  both sides send frames (core/run-frames.ts). The secret is all that is asked for: who has it may come, once. */
import { STATUS_CODES, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import type { FastifyInstance } from "fastify";
import { AppError } from "../core/error.ts";
import type { Platform } from "../platform/platform.ts";
import { exchangeFrames } from "./attached-client.ts";

const PROTOCOL = "git-heroku-run";
const PATH = /^\/attachments\/([\w-]{1,100})$/;

export function attachmentPath(secret: string): string {
  return `/attachments/${secret}`;
}

export function attachRoutes(server: FastifyInstance): void {
  server.get("/attachments/:name", () => {
    throw notUpgraded();
  });
}

/** Upgrades pass all routes by, so each server that is to have them is told here. */
export function serveAttachments(server: Server, platform: Platform): void {
  server.on("upgrade", (request: IncomingMessage, client: Duplex, head: Buffer) => {
    client.on("error", () => undefined);
    try {
      const attachment = find(platform, request);
      client.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${PROTOCOL}\r\n\r\n`);
      client.unshift(head);
      exchangeFrames(platform, attachment, client).catch((error: unknown) =>
        platform.journal.fault(`the connection to ${attachment.ps}`, error),
      );
    } catch (error) {
      refuse(client, error as AppError);
    }
  });
}

function find(platform: Platform, { url = "", method, headers }: IncomingMessage): ReturnType<typeof take> {
  if (method !== "GET" || headers.upgrade?.toLowerCase() !== PROTOCOL) throw notUpgraded();
  return take(platform, PATH.exec(url)?.[1]);
}

function take(
  platform: Platform,
  secret: string | undefined,
): NonNullable<ReturnType<Platform["attachments"]["take"]>> {
  const attachment = secret === undefined ? undefined : platform.attachments.take(secret);
  if (attachment !== undefined) return attachment;
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
