/** /apps/A/logs: an app's stream as NDJSON, history first and then live when `tail=true`. */
import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { AppError } from "../core/error.ts";
import type { Platform } from "../platform/platform.ts";
import { openLogs, type OpenLogs } from "../platform/read-logs.ts";
import type { AppParams } from "./app-routes.ts";
import {
  logCountSchema,
  logParamsSchema,
  readLogParams,
  readWhich,
  type LogParams,
  type ReadParams,
} from "./log-query.ts";
import { NDJSON } from "./live-answer.ts";
import { untilGone } from "./until-gone.ts";

interface Piece {
  lines: Buffer;
  next?: { segment: string; offset: number };
}

export function logRoutes(server: FastifyInstance, platform: Platform): void {
  const options = { schema: { querystring: logParamsSchema } };
  server.get<{ Params: AppParams; Querystring: LogParams }>("/apps/:app/logs", options, async (request, reply) => {
    const source = await openLogs(platform, request.params.app, readWhich(request));
    const params = await readLogParams(platform, source.app, request.query);
    const signal = untilGone(reply.raw, platform.closing);
    const pieces = openPieces(source, params, signal);
    // What cannot be answered at all is told as an error, before the answer begins.
    const first = await pieces.next();
    void reply.type(NDJSON);
    return reply.send(Readable.from(formatPieces(platform, first, pieces, params), { objectMode: false }));
  });

  const counting = { schema: { querystring: logCountSchema } };
  server.get<{ Params: AppParams; Querystring: LogParams }>(
    "/apps/:app/log-count",
    counting,
    async (request, reply) => {
      const source = await openLogs(platform, request.params.app, readWhich(request));
      const { query } = await readLogParams(platform, source.app, request.query);
      return { count: await source.logs.count(query, untilGone(reply.raw, platform.closing)) };
    },
  );

  server.get<{ Params: AppParams; Querystring: LogParams }>("/apps/:app/log-processes", options, async (request) => {
    return (await openLogs(platform, request.params.app, readWhich(request))).logs.processNames();
  });
}

function openPieces({ app, logs }: OpenLogs, params: ReadParams, signal: AbortSignal): AsyncGenerator<Piece, void> {
  const { query, isTail } = params;
  return isTail && app !== undefined ? app.logs.tail(query, signal) : asPieces(logs.read(query, signal));
}

async function* asPieces(stored: AsyncIterable<Buffer>): AsyncGenerator<Piece, void> {
  for await (const lines of stored) yield { lines };
}

async function* formatPieces(
  platform: Platform,
  first: IteratorResult<Piece, void>,
  pieces: AsyncGenerator<Piece, void>,
  { isTail, tellsCursors }: ReadParams,
): AsyncGenerator<Buffer, void> {
  try {
    // An empty line first: the follower of a silent app learns that it is connected.
    if (isTail) yield Buffer.from("\n");
    for (let piece = first; piece.done !== true; piece = await pieces.next()) {
      const bytes = withCursor(piece.value, tellsCursors);
      if (bytes.length > 0) yield bytes;
    }
  } catch (error) {
    if (!tellsCursors) throw error;
    yield formatFailure(platform, error);
  } finally {
    await pieces.return();
  }
}

/** In one write with its lines: whoever has seen the cursor has seen them all. */
function withCursor({ lines, next }: Piece, tellsCursors: boolean): Buffer {
  if (!tellsCursors || next === undefined) return lines;
  const cursor = { cursor: `${next.segment}:${String(next.offset)}` };
  return Buffer.concat([lines, Buffer.from(`${JSON.stringify(cursor)}\n`)]);
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
