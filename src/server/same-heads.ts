/** Requests that have come together (`shared-answers.ts`) and whose heads are the same, byte by byte: whatever stands in
 *  front of a route looks at the head and at what is so at this moment, so it would say to the next what it said to the
 *  first. The next gets the bytes of the first before any of that begins. Only what belongs to each request alone is made
 *  anew: its id, and a call of its token. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { CallLimit } from "./call-limit.ts";

/** A turn has few: more are not worth the comparing. */
const HEADS_MAX = 8;
const OWN_HEADERS = new Set(["request-id", "ratelimit-remaining"]);

interface Told {
  request: FastifyRequest;
  reply: FastifyReply;
  /** Undefined as long as it is not known, and for what cannot be given again. */
  payload: string | Buffer | null | undefined;
  /** Names and values in turn; made for the first who asks again. */
  headers?: string[];
}

export class SameHeads {
  readonly #calls: CallLimit;
  #told: Told[] = [];

  constructor(calls: CallLimit) {
    this.#calls = calls;
  }

  /** To be called when everything has let it in. */
  begin(request: FastifyRequest, reply: FastifyReply): void {
    const { headers, method } = request;
    const isPlain = method === "GET" && headers["content-length"] === undefined && !("transfer-encoding" in headers);
    if (isPlain && this.#told.length < HEADS_MAX) this.#told.push({ request, reply, payload: undefined });
  }

  /** @param payload as it goes out */
  settle(request: FastifyRequest, payload: unknown): void {
    const told = this.#told.find((one) => one.request === request);
    const isWhole = payload === null || typeof payload === "string" || Buffer.isBuffer(payload);
    if (told !== undefined && isWhole && told.reply.statusCode < 400) told.payload = payload;
  }

  /** The turn is over: what comes now has come later. */
  forget(): void {
    this.#told = [];
  }

  /** @returns false when it is to be asked of the server, which then knows of nothing */
  answer(request: IncomingMessage, response: ServerResponse): boolean {
    const told = this.#told.find((one) => isSame(one.request.raw, request));
    if (told?.payload === undefined || !told.reply.sent) return false;
    const left = this.#calls.spend(told.request.token);
    if (left === undefined) return false;
    const own = ["request-id", randomUUID(), "ratelimit-remaining", String(left)];
    response.writeHead(told.reply.statusCode, [...(told.headers ??= headersOf(told.reply)), ...own]);
    response.end(told.payload ?? undefined);
    return true;
  }
}

function isSame(one: IncomingMessage, other: IncomingMessage): boolean {
  const { rawHeaders } = one;
  return (
    one.url === other.url &&
    one.method === other.method &&
    rawHeaders.length === other.rawHeaders.length &&
    rawHeaders.every((text, index) => text === other.rawHeaders[index])
  );
}

function headersOf(reply: FastifyReply): string[] {
  return Object.entries(reply.getHeaders())
    .filter(([name]) => !OWN_HEADERS.has(name))
    .flatMap(([name, value]) => [name, String(value)]);
}
