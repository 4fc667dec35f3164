/** POST /apps/A/dynos: one-off processes. Listing, stopping and restarting them is with all other processes. */
import type { FastifyInstance } from "fastify";
import { AppError } from "../core/error.ts";
import { ONE_OFF_TYPE } from "../core/procfile.ts";
import { parseVersion } from "../core/release.ts";
import { parseSize } from "../core/run-frames.ts";
import type { Actor } from "../platform/actor.ts";
import type { App } from "../platform/app.ts";
import type { Platform } from "../platform/platform.ts";
import { runAttached, runDetached, type AttachedRun, type RunRequest } from "../platform/run-detached.ts";
import type { AppParams } from "./app-routes.ts";
import { attachmentPath } from "./attach-routes.ts";
import { watchStay } from "../platform/access.ts";
import type { Attachment } from "../platform/attachments.ts";
import type { Visitor } from "../platform/visitor.ts";
import { callerOf, visitorOf } from "./caller.ts";
import { DEPLOY_OR_OPERATE } from "./permissions.ts";
import { dynoResource } from "./resources.ts";

interface RunBody {
  command: string;
  attach?: boolean;
  env?: Record<string, string>;
  type?: string;
  time_to_live?: number;
  release?: string;
  force_no_tty?: boolean | null;
  size?: string | null;
  door?: "upgrade" | "rendezvous";
}

/** Of a terminal whose size nobody tells. */
const USUAL_SIZE = { columns: 80, rows: 24 };
/** Heroku's longest, in seconds. */
const TIME_MAX = 86_400;

const runBody = {
  type: "object",
  required: ["command"],
  examples: [{ command: "node task.js" }],
  properties: {
    command: { type: "string", description: "for a shell; a process type as the first word stands for its command" },
    attach: { type: "boolean", description: "whoever asks gets the input and outputs" },
    env: {
      type: "object",
      additionalProperties: { type: "string" },
      maxProperties: 1000,
      description: "stronger than the config vars",
    },
    type: { type: "string", maxLength: 128, description: "`run`: another is refused" },
    time_to_live: { type: "integer", minimum: 1, maximum: TIME_MAX, description: "in seconds: usually 86400" },
    release: { type: "string", maxLength: 20, description: "`v73`; usually the current one. Our own" },
    force_no_tty: { type: ["boolean", "null"], description: "pipes in place of a terminal" },
    size: { type: ["string", "null"], maxLength: 40, description: "Heroku's name for a kind of dyno: there is one" },
    door: {
      type: "string",
      enum: ["upgrade", "rendezvous"],
      description: "how the client of an attached one will come. Our own",
    },
  },
} as const;

export function oneOffRoutes(server: FastifyInstance, platform: Platform): void {
  server.post<{ Params: AppParams; Body: RunBody }>(
    "/apps/:app/dynos",
    {
      schema: {
        summary: "Starts a [one-off process](#one-off-processes), which runs already when this is answered",
        body: runBody,
      },
    },
    async (request, reply) => {
      const app = platform.app(request.params.app);
      const { command, attach, env, type = ONE_OFF_TYPE, time_to_live: seconds, release } = request.body;
      checkType(type);
      const version = release === undefined ? undefined : parseVersion(release);
      const timeLimitMs = seconds === undefined ? undefined : seconds * 1000;
      const order = { command, env, version, timeLimitMs };
      void reply.status(201);
      if (attach === true) {
        const started = { ...order, body: request.body };
        const { dyno, secret, attachment } = await startAttached(platform, app, started, callerOf(request));
        endWithAccess(app, attachment, visitorOf(request));
        const url = request.body.door === "upgrade" ? attachmentPath(secret) : await server.rendezvous.url(secret);
        return { ...(await dynoResource(app, dyno)), attach_url: url };
      }
      return dynoResource(app, await runDetached(platform, app, order, callerOf(request)));
    },
  );
}

/** Whoever may run nothing any more is cut off from what they run. */
function endWithAccess(app: App, attachment: Attachment, visitor: Visitor): void {
  const stay = { visitor, app, need: DEPLOY_OR_OPERATE, cut: () => attachment.cutOff() };
  void attachment.ended.finally(watchStay(stay));
}

/** Heroku's client tells the size of its terminal by two variables. Programs believe them more than the terminal, which may
 *  change its size: so the process does not get them. */
function startAttached(
  platform: Platform,
  app: App,
  { body, env = {}, ...order }: RunRequest & { body: RunBody },
  caller: Actor,
): Promise<AttachedRun> {
  const { COLUMNS = "", LINES = "", ...rest } = env;
  const size = parseSize(`${COLUMNS} ${LINES}`) ?? USUAL_SIZE;
  const how = body.force_no_tty === true ? { env, terminal: undefined } : { env: rest, terminal: size };
  return runAttached(platform, app, { ...order, ...how }, caller);
}

function checkType(type: string): void {
  if (type === ONE_OFF_TYPE) return;
  throw new AppError(
    "invalid_params",
    `A one-off process is of the type run, not ${JSON.stringify(type.slice(0, 40))}.`,
    {
      hint: "To run the command of a process type, give the type's name as the command.",
    },
  );
}
