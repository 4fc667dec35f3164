/** /apps/A/log-drains: where an app's log is sent, in Heroku's shape. URLs are masked in every answer. */
import type { FastifyInstance } from "fastify";
import type { App } from "../platform/app.ts";
import { addDrain, findDrain, listDrains, removeDrain, type DrainInfo } from "../platform/drains.ts";
import type { Platform } from "../platform/platform.ts";
import type { AppParams } from "./app-routes.ts";
import { callerOf } from "./caller.ts";
import { iso, type Resource } from "./resources.ts";

const addBody = {
  type: "object",
  required: ["url"],
  examples: [{ url: "https://ned:s3cret@example.com/in" }],
  properties: { url: { type: "string" } },
} as const;
const listQuery = {
  type: "object",
  properties: { extended: { enum: ["true", "false"], description: "with `extended`" } },
} as const;

export function drainRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams; Querystring: { extended?: string } }>(
    "/apps/:app/log-drains",
    { schema: { summary: "Where the log is sent", querystring: listQuery } },
    async (request) => {
      const app = platform.app(request.params.app);
      const isExtended = request.query.extended === "true";
      const now = platform.clock.now();
      return (await listDrains(app)).map((drain) =>
        Object.assign(drainResource(app, drain), isExtended && { extended: statusResource(drain, now) }),
      );
    },
  );

  server.post<{ Params: AppParams; Body: { url: string } }>(
    "/apps/:app/log-drains",
    { schema: { summary: "Adds one; at most 5", body: addBody } },
    async (request, reply) => {
      const app = platform.app(request.params.app);
      const drain = await addDrain(app, request.body.url, callerOf(request));
      void reply.status(201);
      return drainResource(app, drain);
    },
  );

  server.get<{ Params: AppParams & { name: string } }>(
    "/apps/:app/log-drains/:name",
    { schema: { summary: "One drain, by token, id, URL or masked URL" } },
    async (request) => {
      const app = platform.app(request.params.app);
      return drainResource(app, await findDrain(app, request.params.name));
    },
  );

  server.delete<{ Params: AppParams & { name: string } }>(
    "/apps/:app/log-drains/:name",
    { schema: { summary: "Removes it, named in one of the same ways, and answers it as it was" } },
    async (request) => {
      const app = platform.app(request.params.app);
      return drainResource(app, await removeDrain(app, request.params.name, callerOf(request)));
    },
  );
}

function drainResource(app: App, { id, token, createdAt, url }: DrainInfo): Resource {
  return {
    addon: null,
    app: { id: app.id, name: app.name },
    created_at: createdAt,
    id,
    token,
    updated_at: createdAt,
    url,
  };
}

const UNREADABLE = { state: "failing", error: "its URL cannot be decrypted with the keys of this app" };

function statusResource({ status }: DrainInfo, nowMs: number): Resource {
  const { state, fault, retryAt, behindSince, delivered, dropped } = status ?? UNKNOWN_STATUS;
  return {
    state,
    since: secondOf(fault?.since),
    error: fault?.error ?? null,
    retry_at: retryAt === undefined ? null : iso(retryAt),
    behind_seconds: behindSince === undefined ? 0 : Math.max(0, Math.floor((nowMs - Date.parse(behindSince)) / 1000)),
    delivered,
    dropped,
    ...(status === undefined && UNREADABLE),
  };
}

const UNKNOWN_STATUS: Partial<NonNullable<DrainInfo["status"]>> = { delivered: 0, dropped: 0 };

function secondOf(stamp: string | undefined): string | null {
  return stamp === undefined ? null : `${stamp.slice(0, 19)}Z`;
}
