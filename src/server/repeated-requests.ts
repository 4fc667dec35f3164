/** A client that loses its connection sends the same request again, and cannot know whether the first one was done: Heroku's
 *  own does so up to five times, with the same `Request-Id`. So that nothing is done twice, the answer to each change is
 *  kept for a while, and a repetition gets it, or waits for it when the first one is still under way. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/error.ts";

const KEPT_MS = 5 * 60_000;
const KEPT_MAX = 1000;
const BODY_LENGTH_MAX = 256 * 1024;
const UUID = /^\s*([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\s*(?:,|$)/i;
/** What a repetition is told too. */
const HEADERS = ["content-type", "next-range", "git-heroku-release", "x-heroku-warning"];

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

interface Kept {
  at: number;
  /** Undefined: a stream, which is sent once. */
  answer: Promise<Answer | undefined>;
  settle: (answer: Answer | undefined) => void;
}

export function answerRepetitions(server: FastifyInstance, clockOf: () => Clock): void {
  const kept = new Map<string, Kept>();
  const underWay = new WeakMap<FastifyRequest, string>();

  server.addHook("preHandler", async (request, reply) => {
    const key = keyOf(request);
    if (key === undefined) return undefined;
    const earlier = kept.get(key);
    if (earlier !== undefined) return repeat(earlier, reply);
    forgetOld(kept, clockOf().now());
    kept.set(key, newEntry(clockOf().now()));
    underWay.set(request, key);
    return undefined;
  });

  server.addHook("onSend", (request, reply, payload: unknown, done) => {
    const key = underWay.get(request);
    if (key !== undefined) {
      kept.get(key)?.settle(answerOf(reply, payload));
      // It was not even begun: the next try may be.
      if (reply.statusCode === 503) kept.delete(key);
    }
    done(null, payload);
  });
}

/** Whose request, what it is about, and the newest of its ids. */
function keyOf({ method, url, headers, token }: FastifyRequest): string | undefined {
  if (method === "GET" || method === "HEAD") return undefined;
  const [, id] = UUID.exec(String(headers["request-id"] ?? "")) ?? [];
  return id === undefined ? undefined : `${token?.about.id ?? ""} ${method} ${url} ${id.toLowerCase()}`;
}

function newEntry(at: number): Kept {
  let settle: Kept["settle"] | undefined;
  const answer = new Promise<Answer | undefined>((resolve) => (settle = resolve));
  return { at, answer, settle: (value) => settle?.(value) };
}

function answerOf(reply: FastifyReply, payload: unknown): Answer | undefined {
  const body = payload === null || payload === undefined ? "" : payload;
  if (typeof body !== "string" || body.length > BODY_LENGTH_MAX) return undefined;
  const headers = HEADERS.map((name) => [name, reply.getHeader(name)] as const)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, String(value)] as const);
  return { status: reply.statusCode, headers: Object.fromEntries(headers), body };
}

async function repeat({ answer }: Kept, reply: FastifyReply): Promise<FastifyReply> {
  const known = await answer;
  if (known === undefined) {
    throw new AppError("conflict", "This request was answered already.", {
      hint: "Send a change with a Request-Id of its own.",
    });
  }
  return reply.status(known.status).headers(known.headers).send(known.body);
}

function forgetOld(kept: Map<string, Kept>, now: number): void {
  for (const [key, { at }] of kept) {
    if (now - at < KEPT_MS && kept.size < KEPT_MAX) return;
    kept.delete(key);
  }
}
