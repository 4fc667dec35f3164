/** A client that loses its connection sends the same request again, and cannot know whether the first one was done: Heroku's
 *  own does so up to five times, with the same `Request-Id`. So that nothing is done twice, the answer to each change is
 *  kept for a while, and a repetition gets it, or waits for it when the first one is still under way. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/error.ts";
import { Awaited, giveAgain } from "./captured-answer.ts";

const KEPT_MS = 5 * 60_000;
const KEPT_MAX = 1000;
const UUID = /^\s*([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\s*(?:,|$)/i;

interface Kept {
  at: number;
  awaited: Awaited;
}

export function answerRepetitions(server: FastifyInstance, clockOf: () => Clock): void {
  const kept = new Map<string, Kept>();
  const underWay = new WeakMap<FastifyRequest, string>();

  server.addHook("preHandler", (request, reply, done) => {
    const key = keyOf(request);
    if (key === undefined) return done();
    const earlier = kept.get(key);
    if (earlier !== undefined) return repeat(earlier, reply, done);
    const now = clockOf().now();
    forgetOld(kept, now);
    kept.set(key, { at: now, awaited: new Awaited() });
    underWay.set(request, key);
    return done();
  });

  server.addHook("onSend", (request, reply, payload: unknown, done) => {
    const key = underWay.get(request);
    if (key !== undefined) {
      kept.get(key)?.awaited.settle(reply, payload);
      // It was not even begun: the next try may be.
      if (reply.statusCode === 503) kept.delete(key);
    }
    done(null, payload);
  });
}

/** Whose request, what it is about, and the newest of its ids. */
function keyOf({ method, url, headers, visitor }: FastifyRequest): string | undefined {
  if (method === "GET" || method === "HEAD") return undefined;
  const [, id] = UUID.exec(String(headers["request-id"] ?? "")) ?? [];
  return id === undefined ? undefined : `${visitor?.credential ?? ""} ${method} ${url} ${id.toLowerCase()}`;
}

function repeat({ awaited }: Kept, reply: FastifyReply, refuse: (error: Error) => void): void {
  void awaited.answer.then((answer) => (answer === undefined ? refuse(sentOnce()) : giveAgain(reply, answer)));
}

function sentOnce(): AppError {
  return new AppError("conflict", "This request was answered already.", {
    hint: "Send a change with a Request-Id of its own.",
  });
}

function forgetOld(kept: Map<string, Kept>, now: number): void {
  for (const [key, { at }] of kept) {
    if (now - at < KEPT_MS && kept.size < KEPT_MAX) return;
    kept.delete(key);
  }
}
