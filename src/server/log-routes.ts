/** /apps/A/logs: an app's stream as NDJSON, history first and then live when `tail=true`. */
import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { AppError } from "../core/error.ts";
import type { Platform } from "../platform/platform.ts";
import type { AppParams } from "./app-routes.ts";
import { untilGone } from "./until-gone.ts";

interface LogQuery {
  lines?: string;
  ps?: string;
  source?: string;
  tail?: string;
}

const LINES_DEFAULT = 100;
const LINES_MAX = 1_000_000;
const NDJSON = "application/x-ndjson";

/** A parameter that is given twice is refused here. */
const logQuery = {
  type: "object",
  properties: Object.fromEntries(["lines", "ps", "source", "tail"].map((name) => [name, { type: "string" }])),
} as const;

export function logRoutes(server: FastifyInstance, platform: Platform): void {
  const options = { schema: { querystring: logQuery } };
  server.get<{ Params: AppParams; Querystring: LogQuery }>("/apps/:app/logs", options, async (request, reply) => {
    const app = platform.app(request.params.app);
    const lines = parseLines(request.query.lines);
    const filter = readFilter(request.query);
    void reply.type(NDJSON);
    if (request.query.tail !== "true") return app.logs.query(filter, lines);
    const lineStream = app.logs.tail(filter, lines, untilGone(reply.raw, platform.closing));
    return reply.send(Readable.from(withGreeting(lineStream), { objectMode: false }));
  });

  server.get<{ Params: AppParams }>("/apps/:app/log-processes", (request) =>
    platform.app(request.params.app).logs.processNames(),
  );
}

/** An empty line first: the follower of a silent app learns that it is connected. */
async function* withGreeting(lines: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  yield Buffer.from("\n");
  yield* lines;
}

function parseLines(text: string | undefined): number {
  if (text === undefined) return LINES_DEFAULT;
  if (!/^\d{1,9}$/.test(text)) {
    throw new AppError("invalid_params", `${JSON.stringify(text.slice(0, 20))} is not a number of lines.`);
  }
  return Math.min(Number(text), LINES_MAX);
}

function readFilter(query: LogQuery): { ps?: string; source?: string } {
  return {
    ...(query.ps !== undefined && query.ps !== "" && { ps: query.ps }),
    ...(query.source !== undefined && query.source !== "" && { source: query.source }),
  };
}
