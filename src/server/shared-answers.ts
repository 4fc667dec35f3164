/** Requests for the same thing that have arrived together get one answer: whoever follows an app by asking again and again
 *  is seldom alone. "Together" is one turn of the event loop: all of them were there before the first was looked at, so
 *  nobody is told what was true before they asked. For routes that say `config: { shared: true }`, because their answer
 *  depends on the path, the range and the host alone, and on who asks only where that is somebody who may not do everything. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { addressOf } from "../platform/visitor.ts";
import type { CallLimit } from "./call-limit.ts";
import { Awaited, giveAgain } from "./captured-answer.ts";
import { SameHeads } from "./same-heads.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    shared?: boolean;
  }
  interface FastifyInstance {
    sameHeads: SameHeads;
  }
}

/** @returns to be called behind what lets requests in and what completes their answers: from there on they join */
export function shareAnswers(server: FastifyInstance, calls: CallLimit): () => void {
  const sameHeads = new SameHeads(calls);
  server.decorate("sameHeads", sameHeads);
  /** By what they ask for. */
  const ofThisTurn = new Map<string, Awaited>();
  const arrived = new Set<FastifyRequest>();
  const first = new WeakMap<FastifyRequest, Awaited>();

  server.addHook("onSend", (request, reply, payload: unknown, done) => {
    // The same bytes for all, so that they are encoded and tagged once.
    done(null, first.get(request)?.settle(reply, payload)?.body ?? payload);
  });

  const endTurn = (): void => {
    arrived.clear();
    ofThisTurn.clear();
    sameHeads.forget();
  };
  server.addHook("onRequest", (request, _reply, done) => {
    if (request.routeOptions.config.shared === true) {
      if (arrived.size === 0) setImmediate(endTurn);
      arrived.add(request);
    }
    done();
  });
  return () => {
    server.addHook("onSend", (request, _reply, payload: unknown, done) => {
      if (request.routeOptions.config.shared === true) sameHeads.settle(request, payload);
      done(null, payload);
    });
    server.addHook("onRequest", (request, reply, done) => {
      // Whose rights had to be read from the disk is let in a turn later.
      if (!arrived.has(request)) return done();
      sameHeads.begin(request, reply);
      const { method, url, headers } = request;
      // Some have links in them, which begin with the name that the client used.
      const key = [method, url, headers.host, headers.range, request.visitor && addressOf(request.visitor)].join(" ");
      const earlier = ofThisTurn.get(key);
      if (earlier !== undefined) {
        const again = (): void => done();
        void earlier.answer.then((answer) => (answer === undefined ? again() : giveAgain(reply, answer)));
        return undefined;
      }
      const awaited = new Awaited();
      ofThisTurn.set(key, awaited);
      first.set(request, awaited);
      return done();
    });
  };
}
