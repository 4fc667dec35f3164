/** What a request may take of the platform, on every door (docs/security.md, "Limits"). */
import type { IncomingMessage } from "node:http";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { AppError } from "../core/error.ts";
import { isNestedDeeper } from "../core/json-depth.ts";
import { answerClientError } from "./client-error.ts";

/** Config vars of one app fit into 64 KiB; nothing else that is sent comes near. */
export const BODY_BYTES_MAX = 1024 * 1024;
/** A list of request ids, as Heroku's client sends it, has at most 7 kB. */
export const HEAD_BYTES_MAX = 16 * 1024;
/** What the platform reads has four levels. */
const JSON_DEPTH_MAX = 32;

/** What Heroku gives an account. */
export const CALLS_PER_HOUR = 4500;

export interface RequestLimits {
  /** Milliseconds until the head of a request is there. */
  headMs: number;
  /** Milliseconds until a body is there; a body that is a stream need only move within each such time. */
  bodyMs: number;
  /** How many calls a token may make in an hour; infinite: no limit. */
  callsPerHour: number;
}

export const REQUEST_LIMITS: RequestLimits = { headMs: 10_000, bodyMs: 30_000, callsPerHour: CALLS_PER_HOUR };

/** Those that wait with their body until they are told to go on (RFC 9110, section 10.1.1). */
const waiting = new WeakSet<IncomingMessage>();

export function awaitContinue(request: IncomingMessage): void {
  waiting.add(request);
}

/** A body that comes by drops holds a connection no longer than this. */
export function limitBodies(server: FastifyInstance, bodyMs: number): void {
  const watches = new Set<NodeJS.Timeout>();
  // Nobody is waited for any more, also not one whose connection was none: a request that was injected.
  server.addHook("onClose", async () => {
    for (const watch of watches) clearInterval(watch);
  });
  server.addHook("preParsing", (request, reply, payload, done) => {
    if (waiting.delete(request.raw)) reply.raw.writeContinue();
    const isWatched = request.routeOptions.config.isGit !== true;
    if (isWatched && hasBody(request)) watchBody(request, bodyMs, watches);
    done(null, payload);
  });
}

/** Clients send `Content-Type: application/json` with an empty body on some POSTs.
 *  @throws AppError bad_request */
export function parseJsonBody(text: string): unknown {
  if (text === "") return undefined;
  if (isNestedDeeper(text, JSON_DEPTH_MAX)) throw new AppError("bad_request", "The request body is nested too deeply.");
  try {
    return JSON.parse(text);
  } catch {
    throw new AppError("bad_request", "The request body is not JSON.");
  }
}

function hasBody({ headers }: FastifyRequest): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

function watchBody({ raw, headers }: FastifyRequest, bodyMs: number, watches: Set<NodeJS.Timeout>): void {
  const isStream = headers["content-type"]?.startsWith("application/json") !== true;
  let seen = -1;
  const timer = setInterval(() => {
    const { bytesRead } = raw.socket;
    if (!isStream || bytesRead === seen) answerClientError({ code: "ERR_HTTP_REQUEST_TIMEOUT" }, raw.socket);
    seen = bytesRead;
  }, bodyMs);
  timer.unref();
  watches.add(timer);
  for (const over of ["end", "close"]) {
    raw.once(over, () => {
      clearInterval(timer);
      watches.delete(timer);
    });
  }
}
