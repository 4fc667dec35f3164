/** /apps/A/log-drains: where an app's log is sent, in Heroku's shape. URLs are masked in every answer. */
import type { FastifyInstance } from "fastify";
import type { App } from "../platform/app.ts";
import { addDrain, listDrains, removeDrain, type DrainInfo } from "../platform/drains.ts";
import type { Platform } from "../platform/platform.ts";
import type { AppParams } from "./app-routes.ts";
import { callerOf } from "./caller.ts";
import type { Resource } from "./resources.ts";

const addBody = { type: "object", required: ["url"], properties: { url: { type: "string" } } } as const;
const listQuery = { type: "object", properties: { extended: { enum: ["true", "false"] } } } as const;

export function drainRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams; Querystring: { extended?: string } }>(
    "/apps/:app/log-drains",
    { schema: { querystring: listQuery } },
    async (request) => {
      const app = platform.app(request.params.app);
      const isExtended = request.query.extended === "true";
      return (await listDrains(app)).map((drain) => ({
        ...drainResource(app, drain),
        ...(isExtended && { extended: statusResource(drain, platform.clock.now()) }),
      }));
    },
  );

  server.post<{ Params: AppParams; Body: { url: string } }>(
    "/apps/:app/log-drains",
    { schema: { body: addBody } },
    async (request, reply) => {
      const app = platform.app(request.params.app);
      const drain = await addDrain(app, request.body.url, callerOf(request));
      void reply.status(201);
      return drainResource(app, drain);
    },
  );

  server.delete<{ Params: AppParams & { name: string } }>("/apps/:app/log-drains/:name", async (request) => {
    const app = platform.app(request.params.app);
    return drainResource(app, await removeDrain(app, request.params.name, callerOf(request)));
  });
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

function statusResource({ status }: DrainInfo, nowMs: number): Resource {
  const second = (stamp: string | undefined): string | null => (stamp === undefined ? null : `${stamp.slice(0, 19)}Z`);
  const oldest = status?.behindSince;
  return {
    state: status?.state ?? "failing",
    since: second(status?.fault?.since),
    error:
      status === undefined ? "its URL cannot be decrypted with the keys of this app" : (status.fault?.error ?? null),
    retry_at: status?.retryAt === undefined ? null : second(new Date(status.retryAt).toISOString()),
    behind_seconds: oldest === undefined ? 0 : Math.max(0, Math.floor((nowMs - Date.parse(oldest)) / 1000)),
    delivered: status?.delivered ?? 0,
    dropped: status?.dropped ?? 0,
  };
}
