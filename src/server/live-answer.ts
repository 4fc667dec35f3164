/** The answer to a change that makes a release, which may take as long as its release command. Whoever accepts NDJSON reads
 *  what happens meanwhile, one JSON object a line and last what came of it; a change that has nothing to tell is answered
 *  as ever. */
import { PassThrough } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Actor } from "../platform/actor.ts";
import type { Platform } from "../platform/platform.ts";
import { answerFor } from "./answer-for.ts";
import { callerOf } from "./caller.ts";

export const RELEASE_HEADER = "git-heroku-release";
export const NDJSON = "application/x-ndjson";

export interface LiveResult {
  body: unknown;
  /** 200 unless told otherwise. */
  status?: number;
  /** The version that was made, if any. */
  release?: number | undefined;
}

/** @throws what the work throws, as long as nothing was told. */
export function answerLive(
  platform: Platform,
  request: FastifyRequest,
  reply: FastifyReply,
  work: (actor: Actor) => Promise<LiveResult>,
): Promise<unknown> {
  const caller = callerOf(request);
  if (request.headers.accept?.includes(NDJSON) !== true) return work(caller).then((result) => answer(reply, result));
  return new Promise((resolve, reject) => {
    let lines: PassThrough | undefined;
    const say = (line: object): void => {
      if (lines?.destroyed === false) lines.write(`${JSON.stringify(line)}\n`);
    };
    const output = (text: string): void => {
      if (lines === undefined) {
        lines = new PassThrough();
        resolve(reply.type(NDJSON).send(lines));
      }
      say({ output: text });
    };
    const finish = (line: object): void => {
      say(line);
      lines?.end();
    };
    work({ ...caller, output }).then(
      (result) => {
        if (lines === undefined) resolve(answer(reply, result));
        else finish({ result: result.body, release: result.release });
      },
      (error: unknown) => {
        if (lines === undefined) return reject(error);
        const { id, message, hint } = answerFor(error);
        if (id === "internal_server_error") platform.journal.fault(`${request.method} with live output`, error);
        return finish({ error: { id, message, hint } });
      },
    );
  });
}

function answer(reply: FastifyReply, { body, status = 200, release }: LiveResult): unknown {
  void reply.status(status);
  if (release !== undefined) void reply.header(RELEASE_HEADER, release);
  return body;
}
