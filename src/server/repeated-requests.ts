/** A client that loses its connection sends the same request again, and cannot know whether the first one was done: Heroku's
 *  own does so up to five times, with the same `Request-Id`. So that nothing is done twice, the answer to each change is
 *  kept for a while, and a repetition gets it, or waits for it when the first one is still under way. Also on disk, for a
 *  connection breaks when the daemon ends. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/error.ts";
import { ANSWERS_KEPT_MS, type AnsweredRequests } from "../platform/answered-requests.ts";
import { Awaited, giveAgain, type CapturedAnswer } from "./captured-answer.ts";

const KEPT_MAX = 1000;
const UUID = /^\s*([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\s*(?:,|$)/i;

interface Kept {
  at: number;
  awaited: Awaited;
}

interface UnderWay extends Kept {
  key: string;
  secret: string;
}

export function answerRepetitions(server: FastifyInstance, clockOf: () => Clock, open: () => AnsweredRequests): void {
  const kept = new Map<string, Kept>();
  const underWay = new WeakMap<FastifyRequest, UnderWay>();
  let opened: AnsweredRequests | undefined;
  const answered = (): AnsweredRequests => (opened ??= open());
  server.addHook("onClose", (_server, done) => {
    opened?.close();
    done();
  });

  server.addHook("preHandler", (request, reply, done) => {
    const key = keyOf(request);
    if (key === undefined) return done();
    const earlier = kept.get(key);
    if (earlier !== undefined) return repeat(earlier, reply, done);
    const secret = `${request.token?.text ?? ""} ${key}`;
    const before = answered().find(secret);
    if (before === "begun") return done(perhapsDone());
    if (before !== undefined) return void giveAgain(reply, JSON.parse(before) as CapturedAnswer);
    const now = clockOf().now();
    forgetOld(kept, now);
    const begun = { at: now, awaited: new Awaited() };
    kept.set(key, begun);
    underWay.set(request, { ...begun, key, secret });
    answered().begin(secret);
    return done();
  });

  server.addHook("onSend", (request, reply, payload: unknown, done) => {
    const begun = underWay.get(request);
    if (begun !== undefined) {
      const { awaited, key, secret } = begun;
      const answer = awaited.settle(reply, payload);
      // It was not even begun: the next try may be.
      const isUndone = reply.statusCode === 503;
      if (isUndone) kept.delete(key);
      if (isUndone) answered().undo(secret);
      else answered().end(secret, answer && JSON.stringify({ ...answer, body: String(answer.body) }));
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

function perhapsDone(): AppError {
  return new AppError("conflict", "This request came before the platform was started again, and may have been done.", {
    hint: "Look first, for example with `git heroku releases`.",
  });
}

function forgetOld(kept: Map<string, Kept>, now: number): void {
  for (const [key, { at }] of kept) {
    if (now - at < ANSWERS_KEPT_MS && kept.size < KEPT_MAX) return;
    kept.delete(key);
  }
}
