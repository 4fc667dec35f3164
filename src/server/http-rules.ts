/** What all answers of the Platform API have in common (docs/api.md, "Rules"): versions by `Accept`, a `Request-Id`, `ETag` and
 *  304, the `Range` of lists, notices. */
import { hash, randomUUID } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { AppError } from "../core/error.ts";
import { parseRange, pickRange, type RangeItem } from "../core/list-range.ts";
import { CALLS_PER_HOUR } from "./request-limits.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The route reads the `Range` header itself. */
    ownRange?: boolean;
  }
}

const COMMON_HEADERS = {
  "cache-control": "private, no-cache",
  "ratelimit-multiplier": "1",
  "ratelimit-remaining": String(CALLS_PER_HOUR),
  vary: "Accept-Encoding",
  "x-content-type-options": "nosniff",
};
const WARNING_LENGTH_MAX = 1000;

/** The tag of an answer, and again of the same one at once: what is shared is hashed once. */
class Tags {
  #payload: string | Buffer = "";
  #tag = "";

  of(payload: string | Buffer): string {
    if (payload !== this.#payload) [this.#payload, this.#tag] = [payload, `"${hash("sha1", payload, "base64")}"`];
    return this.#tag;
  }
}

const tags = new Tags();

export function httpRules(server: FastifyInstance): void {
  server.addHook("onRequest", (request, reply, done) => {
    void reply.headers(COMMON_HEADERS).header("request-id", randomUUID());
    done(isVersionKnown(request.headers.accept) ? undefined : otherVersion());
  });
  server.addHook("preSerialization", (request, reply, payload: unknown, done) => {
    try {
      done(null, Array.isArray(payload) ? cutList(request, reply, payload) : payload);
    } catch (error) {
      done(error as Error);
    }
  });
  server.addHook("onSend", (request, reply, payload: unknown, done) => {
    done(null, isWhole(payload) && isCacheable(request, reply) ? tag(request, reply, payload) : payload);
  });
}

/** A notice that Heroku's client shows to the person, whatever the command. One answer has one. */
export function warn(reply: FastifyReply, text: string): void {
  const line = text.replace(/[^\x20-\x7e]+/g, "?").slice(0, WARNING_LENGTH_MAX);
  void reply.header("x-heroku-warning", line);
}

/** `version=3` and every `3.x`; what asks for no version of this API gets what there is. */
function isVersionKnown(accept: string | undefined): boolean {
  const [, version] = /application\/vnd\.heroku\+json[^,]*?;\s*version=("?[\w.-]*)/.exec(accept ?? "") ?? [];
  return version === undefined || /^"?3(?:\.[\w.-]+)?$/.test(version);
}

function otherVersion(): AppError {
  return new AppError("not_acceptable", "Only version 3 of the API is spoken here.", {
    hint: "Send: Accept: application/vnd.heroku+json; version=3",
  });
}

function cutList(request: FastifyRequest, reply: FastifyReply, list: unknown[]): unknown[] {
  const { range: header } = request.headers;
  const isPlain = header === undefined || header.trim() === "" || request.method !== "GET";
  if (isPlain || request.routeOptions.config.ownRange === true || !list.every(isItem)) return list;
  const { items, content, next } = pickRange(list, parseRange(header));
  if (content !== undefined) void reply.header("content-range", content);
  if (next !== undefined) void reply.status(206).header("next-range", next);
  return items;
}

function isItem(value: unknown): value is RangeItem {
  return typeof value === "object" && value !== null;
}

function isCacheable({ method }: FastifyRequest, { statusCode }: FastifyReply): boolean {
  return statusCode === 200 && (method === "GET" || method === "HEAD");
}

/** Not a stream. */
function isWhole(payload: unknown): payload is string | Buffer {
  return typeof payload === "string" || Buffer.isBuffer(payload);
}

function tag(request: FastifyRequest, reply: FastifyReply, payload: string | Buffer): string | Buffer | null {
  const etag = tags.of(payload);
  void reply.header("etag", etag);
  const known = request.headers["if-none-match"];
  if (known === undefined || !known.split(",").some((one) => one.trim().replace(/^W\//, "") === etag)) return payload;
  void reply.status(304).removeHeader("content-length").removeHeader("content-type");
  return null;
}
