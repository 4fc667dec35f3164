/** Log sessions, as `heroku logs` reads a log: a secret URL, and behind it the lines as server-sent events (WHATWG HTML,
 *  "Server-sent events"). The id of an event is the place in the stream behind it, so that a client that was cut off goes
 *  on there: no line is missing and none comes twice. */
import type { FastifyInstance } from "fastify";
import { parseLogLine } from "../core/log-line.ts";
import { closeColours, neutralise } from "../core/terminal-text.ts";
import type { App } from "../platform/app.ts";
import type { LogSession } from "../platform/log-sessions.ts";
import type { Platform } from "../platform/platform.ts";
import { bearerOf } from "../platform/visitor.ts";
import type { AppParams } from "./app-routes.ts";
import { visitorOf } from "./caller.ts";
import { followInto, madeOnce, type LogPiece } from "./follow-answer.ts";
import { LineAnswer } from "./line-answer.ts";
import { baseUrl } from "./links.ts";
import { enterWithTicket } from "./permit.ts";
import { parsePlace } from "./log-query.ts";
import { iso } from "./resources.ts";
import { untilGone } from "./until-gone.ts";

interface SessionBody {
  lines?: number;
  tail?: boolean;
  source?: "app" | "heroku";
  /** Heroku's schema calls it `dyno_name`, its clients send `dyno`; a process type will do. */
  dyno?: string;
  dyno_name?: string;
  type?: string;
}

/** More than Heroku's 1,500, and no more than its client prints in two seconds. */
const LINES_MAX = 20_000;
const LINES_USUAL = 100;
/** After one to two of these without an event. */
const KEEPALIVE_MS = 15_000;
/** How long a client waits before it comes back. Heroku's would hang around for that time after the end, so where nothing
 *  more is to come it is told not to wait. */
const RETRY = { tail: "retry: 1000\n\n", end: "retry: 0\n\n" };

const name = { type: "string", maxLength: 160 } as const;
const alias = { ...name, description: "the same as `dyno`" } as const;
const sessionBody = {
  type: ["object", "null"],
  examples: [{ lines: 100, tail: true }],
  properties: {
    lines: { type: "integer", minimum: 0, description: "of history: usually 100, at most 20000" },
    tail: { type: "boolean", description: "go on with new lines" },
    source: { enum: ["app", "heroku"] },
    dyno: { ...name, description: "`web.1`, or `web` for all of its type" },
    dyno_name: alias,
    type: alias,
  },
} as const;

export function logSessionRoutes(server: FastifyInstance, platform: Platform): void {
  server.post<{ Params: AppParams; Body: SessionBody | undefined }>(
    "/apps/:app/log-sessions",
    {
      schema: {
        summary: "Makes an address at which [events](#events) are read without a token",
        body: sessionBody,
      },
    },
    async (request, reply) => {
      const app = platform.app(request.params.app);
      const { lines = LINES_USUAL, tail = false, source, dyno, dyno_name: dynoName, type } = request.body ?? {};
      const order = {
        lines: Math.min(lines, LINES_MAX),
        tail,
        source,
        ps: dyno ?? dynoName ?? type,
        bearer: bearerOf(visitorOf(request)),
      };
      const { id, ticket } = await platform.logSessions.create(app, order);
      const at = iso(platform.clock.now());
      void reply.status(201);
      return {
        created_at: at,
        id,
        logplex_url: `${baseUrl(platform, request)}/log-sessions/${ticket}`,
        updated_at: at,
      };
    },
  );

  server.get<{ Params: { ticket: string } }>(
    "/log-sessions/:ticket",
    { schema: { summary: "[Events](#events) of a log session" } },
    async (request, reply) => {
      const after = request.headers["last-event-id"];
      const place = typeof after === "string" && after !== "" ? parsePlace(after) : undefined;
      const session = await platform.logSessions.open(request.params.ticket, place !== undefined);
      const app = await enterWithTicket(platform, session, { request, reply });
      platform.logSessions.entered(session);
      reply.raw.once("close", () => platform.logSessions.left(session));
      const signal = untilGone(reply.raw, platform.closing);
      void reply.type("text/event-stream").header("Cache-Control", "no-cache");
      const reading = { session, after: place, signal };
      if (!session.tail) return lastEvent(app, reading);
      const answer = new LineAnswer(reply.raw);
      await followEvents(platform, app, { ...reading, answer });
      return reply.send(answer.body);
    },
  );
}

interface Reading {
  session: LogSession;
  after: { segment: string; offset: number } | undefined;
  signal: AbortSignal;
}

/** All of what has an end is one event: who has seen a place has seen it all. */
async function lastEvent(app: App, { session, after, signal }: Reading): Promise<string> {
  const { lines, ps, source } = session;
  if (after !== undefined) return RETRY.end;
  for await (const piece of app.logs.tail({ lines, ps, source }, signal))
    return `${RETRY.end}${String(formatEvent(piece))}`;
  return RETRY.end;
}

/** Resolves when the answer has begun. */
async function followEvents(
  platform: Platform,
  app: App,
  { session, after, signal, answer }: Reading & { answer: LineAnswer },
): Promise<void> {
  const { lines, ps, source } = session;
  let events = 0;
  const form = {
    greeting: RETRY.tail,
    format: (piece: LogPiece): Buffer => {
      events += 1;
      return toEvent(piece);
    },
    breakOff: (error: unknown) => answer.fail(error),
  };
  await followInto(answer, form, (take) => app.logs.follow({ lines, ps, source, after }, take, signal));
  void keepAlive(platform, { answer, signal, events: () => events });
}

interface Kept {
  answer: LineAnswer;
  signal: AbortSignal;
  /** How many there were. */
  events: () => number;
}

/** Whoever hears nothing for too long, or something between them and us, would take the connection for dead. */
async function keepAlive(platform: Platform, { answer, signal, events }: Kept): Promise<void> {
  for (let before = events(); ; before = events()) {
    await platform.clock.sleep(KEEPALIVE_MS, signal);
    if (signal.aborted) return;
    if (events() === before) void answer.write(Buffer.from(":keepalive\n\n"));
  }
}

/** One for all who are given the same lines. */
const toEvent = madeOnce(formatEvent);

function formatEvent({ lines, next }: LogPiece): Buffer {
  if (lines.length === 0) return lines;
  const data = lines
    .toString("utf8")
    .trimEnd()
    .split("\n")
    .map((line) => `data: ${formatLine(line)}\n`);
  return Buffer.from(`id: ${next.segment}:${String(next.offset)}\n${data.join("")}\n`);
}

/** With Heroku's stamps. What an app prints must not move the cursor of whoever reads it, nor end a line of an event. */
function formatLine(stored: string): string {
  const { ts, source, ps, msg } = parseLogLine(stored);
  return `${ts.slice(0, -1)}+00:00 ${source}[${ps}]: ${closeColours(neutralise(msg, true))}`;
}
