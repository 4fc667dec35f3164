/** An answer that can be given again: to whoever asks the same thing twice, or at the same time. */
import type { FastifyReply } from "fastify";

export interface CapturedAnswer {
  status: number;
  headers: Record<string, string>;
  /** Encoded once, however many get it; what is short goes as text, which Node sends in one piece with its head. */
  body: string | Buffer;
}

const BODY_LENGTH_MAX = 256 * 1024;
const SHORT = 2_000;
/** What belongs to the answer; everything else is made anew for each. */
const HEADERS = ["content-type", "next-range", "content-range", "git-heroku-release", "x-heroku-warning"];

/** One that is to come. */
export class Awaited {
  readonly answer: Promise<CapturedAnswer | undefined>;
  #settle: ((answer: CapturedAnswer | undefined) => void) | undefined;

  constructor() {
    this.answer = new Promise((resolve) => (this.#settle = resolve));
  }

  /** @returns undefined for what cannot be given again: a stream, or very much */
  settle(reply: FastifyReply, payload: unknown): CapturedAnswer | undefined {
    const answer = capture(reply, payload);
    this.#settle?.(answer);
    return answer;
  }
}

function capture(reply: FastifyReply, payload: unknown): CapturedAnswer | undefined {
  const body = payload ?? "";
  if (typeof body !== "string" || body.length > BODY_LENGTH_MAX) return undefined;
  const headers: Record<string, string> = {};
  for (const name of HEADERS) {
    const value = reply.getHeader(name);
    if (value !== undefined) headers[name] = String(value);
  }
  return { status: reply.statusCode, headers, body: body.length > SHORT ? Buffer.from(body) : body };
}

export function giveAgain(reply: FastifyReply, { status, headers, body }: CapturedAnswer): FastifyReply {
  return reply.status(status).headers(headers).send(body);
}
