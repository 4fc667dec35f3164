/** Requests for the same thing that have arrived together get one answer: whoever follows an app by asking again and again
 *  is seldom alone. "Together" is one turn of the event loop: all of them were there before the first was looked at, so
 *  nobody is told what was true before they asked. For routes that say `config: { shared: true }`, because their answer
 *  depends on the path, the range and the host alone, and on who asks only where that is somebody who may not do everything. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { addressOf } from "../platform/visitor.ts";
import { Awaited, giveAgain, type CapturedAnswer } from "./captured-answer.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    shared?: boolean;
  }
}

interface Shared {
  awaited: Awaited;
  /** The requests that came after the first, in their order. */
  joined: ((answer: CapturedAnswer | undefined) => void)[];
}

/** @returns to be called behind what lets requests in: from there on they join */
export function shareAnswers(server: FastifyInstance): () => void {
  const ofThisTurn = new Map<string, Shared>();
  const first = new WeakMap<FastifyRequest, Awaited>();

  server.addHook("onSend", (request, reply, payload: unknown, done) => {
    // The same bytes for all, so that they are encoded and tagged once.
    done(null, first.get(request)?.settle(reply, payload)?.body ?? payload);
  });

  return () =>
    server.addHook("onRequest", (request, reply, done) => {
      if (request.routeOptions.config.shared !== true) return done();
      const { method, url, headers } = request;
      // Some have links in them, which begin with the name that the client used.
      const key = [method, url, headers.host, headers.range, request.visitor && addressOf(request.visitor)].join(" ");
      const earlier = ofThisTurn.get(key);
      if (earlier !== undefined) {
        const again = (): void => done();
        earlier.joined.push((answer) => void (answer === undefined ? again() : giveAgain(reply, answer)));
        return undefined;
      }
      if (ofThisTurn.size === 0) setImmediate(endTurn, ofThisTurn);
      const awaited = new Awaited();
      ofThisTurn.set(key, { awaited, joined: [] });
      first.set(request, awaited);
      return done();
    });
}

/** Who has joined is answered from here on, one right after the other: a client on another processor is woken once for many answers. */
function endTurn(ofThisTurn: Map<string, Shared>): void {
  for (const { awaited, joined } of ofThisTurn.values()) {
    for (const take of joined) void awaited.answer.then(take);
  }
  ofThisTurn.clear();
}
