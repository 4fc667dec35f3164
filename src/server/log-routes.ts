/** /apps/A/logs: an app's stream as NDJSON, history first and then live when `tail=true`. */
import type { FastifyInstance } from "fastify";
import { AppError } from "../core/error.ts";
import type { Platform } from "../platform/platform.ts";
import { openLogs, type LogRest } from "../platform/read-logs.ts";
import type { AppParams } from "./app-routes.ts";
import { visitorOf } from "./caller.ts";
import {
  COUNT_PARAMS,
  LOG_PARAMS,
  schemaOf,
  readLogParams,
  readWhich,
  type LogParams,
  type ReadParams,
} from "./log-query.ts";
import { followInto, madeOnce, type LogPiece } from "./follow-answer.ts";
import { NDJSON } from "./live-answer.ts";
import { LineAnswer } from "./line-answer.ts";
import { untilGone } from "./until-gone.ts";

export function logRoutes(server: FastifyInstance, platform: Platform): void {
  const options = { schema: { summary: "[Lines](#lines), oldest first", querystring: schemaOf(LOG_PARAMS) } };
  server.get<{ Params: AppParams; Querystring: LogParams }>("/apps/:app/logs", options, async (request, reply) => {
    const source = await openLogs(platform, request.params.app, readWhich(request));
    const params = await readLogParams(platform, source.app, request.query);
    const signal = untilGone(reply.raw, platform.closing);
    const { app } = source;
    if (params.isTail && app !== undefined) {
      const answer = new LineAnswer(reply.raw);
      const form = {
        greeting: "\n",
        format: params.tellsCursors ? withCursor : ({ lines }: LogPiece): Buffer => lines,
        breakOff: (error: unknown) => breakOff(platform, answer, params, error),
      };
      await followInto(answer, form, (take) => app.logs.follow(params.query, take, signal));
      return reply.type(NDJSON).send(answer.body);
    }
    const mayLeave = params.leavesRest && visitorOf(request).credential === undefined;
    let rest: LogRest | undefined;
    const leave = (left: LogRest): void => void (rest = left);
    const stored = source.logs.read(params.query, signal, mayLeave ? leave : undefined);
    // What cannot be answered at all is told as an error, before the answer begins.
    const first = await stored.next();
    const answer = new LineAnswer(reply.raw);
    void sendStored(answer, first, stored).then(
      () => answer.end(rest && formatRest(rest)),
      (error: unknown) => breakOff(platform, answer, params, error),
    );
    return reply.type(NDJSON).send(answer.body);
  });
  countRoute(server, platform);
  nameRoute(server, platform);
}

function countRoute(server: FastifyInstance, platform: Platform): void {
  const options = {
    schema: {
      summary: "How many lines there are; filters as for [lines](#lines), no beginning means all",
      querystring: schemaOf(COUNT_PARAMS),
    },
  };
  server.get<{ Params: AppParams; Querystring: LogParams }>("/apps/:app/log-count", options, async (request, reply) => {
    const source = await openLogs(platform, request.params.app, readWhich(request));
    const { query } = await readLogParams(platform, source.app, request.query);
    return { count: await source.logs.count(query, untilGone(reply.raw, platform.closing)) };
  });
}

function nameRoute(server: FastifyInstance, platform: Platform): void {
  const { trash, imported } = LOG_PARAMS;
  const options = {
    schema: { summary: "Names of processes with lines, sorted", querystring: schemaOf({ trash, imported }) },
  };
  server.get<{ Params: AppParams; Querystring: LogParams }>("/apps/:app/log-processes", options, async (request) => {
    return (await openLogs(platform, request.params.app, readWhich(request))).logs.processNames();
  });
}

async function sendStored(
  answer: LineAnswer,
  first: IteratorResult<Buffer, void>,
  stored: AsyncGenerator<Buffer, void>,
): Promise<void> {
  for (let lines = first; lines.done !== true; lines = await stored.next()) await answer.lend(lines.value);
}

/** What fails behind a status of 200. */
function breakOff(platform: Platform, answer: LineAnswer, { tellsCursors }: ReadParams, error: unknown): void {
  if (tellsCursors) answer.end(formatFailure(platform, error));
  else answer.fail(error);
}

/** In one write with its lines: whoever has seen the cursor has seen them all. */
const withCursor = madeOnce(({ lines, next }) => {
  const cursor = { cursor: `${next.segment}:${String(next.offset)}` };
  return Buffer.concat([lines, Buffer.from(`${JSON.stringify(cursor)}\n`)]);
});

/** The last line of an answer whose rest the asker reads. */
function formatRest({ dir, snapshot, filter }: LogRest): Buffer {
  return Buffer.from(`${JSON.stringify({ rest: { dir, ...snapshot, filter } })}\n`);
}

/** The last line of an answer that cannot go on: its status was sent long ago. */
function formatFailure(platform: Platform, error: unknown): Buffer {
  if (!(error instanceof AppError)) platform.journal.fault("reading a log", error);
  const { id, message, hint } =
    error instanceof AppError
      ? error
      : new AppError("internal_server_error", "The platform failed to read this log.", {
          hint: "`git heroku server:logs` has the details.",
        });
  return Buffer.from(`${JSON.stringify({ error: { id, message, ...(hint !== undefined && { hint }) } })}\n`);
}
