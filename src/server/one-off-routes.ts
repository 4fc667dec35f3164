/** POST /apps/A/dynos: one-off processes. Listing, stopping and restarting them is with all other processes. */
import type { FastifyInstance } from "fastify";
import { AppError } from "../core/error.ts";
import { ONE_OFF_TYPE } from "../core/procfile.ts";
import { parseVersion } from "../core/release.ts";
import type { Platform } from "../platform/platform.ts";
import { runDetached } from "../platform/run-detached.ts";
import type { AppParams } from "./app-routes.ts";
import { callerOf } from "./caller.ts";
import { dynoResource } from "./resources.ts";

interface RunBody {
  command: string;
  attach?: boolean;
  env?: Record<string, string>;
  type?: string;
  time_to_live?: number;
  release?: string;
}

/** Heroku's longest, in seconds. */
const TIME_MAX = 86_400;

const runBody = {
  type: "object",
  required: ["command"],
  properties: {
    command: { type: "string" },
    attach: { type: "boolean" },
    env: { type: "object", additionalProperties: { type: "string" }, maxProperties: 1000 },
    type: { type: "string", maxLength: 128 },
    time_to_live: { type: "integer", minimum: 1, maximum: TIME_MAX },
    release: { type: "string", maxLength: 20 },
  },
} as const;

export function oneOffRoutes(server: FastifyInstance, platform: Platform): void {
  server.post<{ Params: AppParams; Body: RunBody }>(
    "/apps/:app/dynos",
    { schema: { body: runBody } },
    async (request, reply) => {
      const app = platform.app(request.params.app);
      const { command, attach, env, type = ONE_OFF_TYPE, time_to_live: seconds, release } = request.body;
      checkKind(attach, type);
      const version = release === undefined ? undefined : parseVersion(release);
      const timeLimitMs = seconds === undefined ? undefined : seconds * 1000;
      const dyno = await runDetached(platform, app, { command, env, version, timeLimitMs }, callerOf(request));
      void reply.status(201);
      return dynoResource(app, dyno);
    },
  );
}

function checkKind(attach: boolean | undefined, type: string): void {
  if (attach === true) {
    throw new AppError("invalid_params", "One-off processes cannot be attached to a terminal yet.", {
      hint: "Run it detached, `git heroku run:detached`, and follow `git heroku logs --tail --ps run`.",
    });
  }
  if (type === ONE_OFF_TYPE) return;
  throw new AppError(
    "invalid_params",
    `A one-off process is of the type run, not ${JSON.stringify(type.slice(0, 40))}.`,
    {
      hint: "To run the command of a process type, give the type's name as the command.",
    },
  );
}
