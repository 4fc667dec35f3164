/** /apps/A/webhooks, their deliveries and events, in Heroku's shape. URLs are masked, and a secret is told once, in a header of the
 *  answer to whoever adds it. */
import type { FastifyInstance } from "fastify";
import { AppError } from "../core/error.ts";
import { WEBHOOK_LEVELS, type WebhookLevel } from "../core/webhook.ts";
import type { App } from "../platform/app.ts";
import type { Platform } from "../platform/platform.ts";
import {
  addWebhook,
  findWebhook,
  listWebhooks,
  removeWebhook,
  updateWebhook,
  type Attempt,
  type Delivery,
  type WebhookEvent,
  type WebhookInfo,
  type WebhookOrder,
} from "../platform/webhooks.ts";
import type { AppParams } from "./app-routes.ts";
import { callerOf } from "./caller.ts";
import { iso, type Resource } from "./resources.ts";
import { beginTelling } from "./webhook-events.ts";

type IdParams = AppParams & { id: string };

const SECRET_HEADER = "heroku-webhook-secret";

const include = { type: "array", maxItems: 100, items: { type: "string", maxLength: 100 } } as const;
const level = { enum: [...WEBHOOK_LEVELS] } as const;
const properties = {
  url: { type: "string" },
  include,
  level,
  secret: {
    type: ["string", "null"],
    description: "null counts as left out; no answer tells it but the one to whoever adds it",
  },
  authorization: { type: ["string", "null"], description: "the same" },
} as const;
const addBody = {
  type: "object",
  examples: [{ url: "https://…", include: ["api:release"], level: "sync" }],
  required: ["url", "include", "level"],
  properties,
} as const;
const changeBody = { type: "object", properties } as const;

export function webhookRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams }>(
    "/apps/:app/webhooks",
    { schema: { summary: "Who is told of the app's [events](webhooks.md)" } },
    async ({ params }) => {
      const app = platform.app(params.app);
      return (await listWebhooks(app)).map((one) => webhookResource(app, one));
    },
  );

  server.post<{ Params: AppParams; Body: WebhookOrder & { level: WebhookLevel } }>(
    "/apps/:app/webhooks",
    { schema: { summary: "Adds one; its secret is in the header `Heroku-Webhook-Secret`", body: addBody } },
    async (request, reply) => {
      const app = platform.app(request.params.app);
      const { info, secret } = await addWebhook(platform, app, request.body, callerOf(request));
      await beginTelling(platform, app);
      void reply.status(201).header(SECRET_HEADER, secret);
      return webhookResource(app, info);
    },
  );

  server.get<{ Params: IdParams }>(
    "/apps/:app/webhooks/:id",
    { schema: { summary: "One of them, by its id or a beginning of that" } },
    async ({ params }) => {
      const app = platform.app(params.app);
      return webhookResource(app, await findWebhook(app, params.id));
    },
  );

  changes(server, platform);
  deliveries(server, platform);
}

function changes(server: FastifyInstance, platform: Platform): void {
  server.patch<{ Params: IdParams; Body: Partial<WebhookOrder> }>(
    "/apps/:app/webhooks/:id",
    { schema: { summary: "Changes it; what is left out stays", body: changeBody } },
    async (request, reply) => {
      const app = platform.app(request.params.app);
      const order = { ...request.body, id: request.params.id };
      const { info, secret } = await updateWebhook(platform, app, order, callerOf(request));
      await beginTelling(platform, app);
      if (secret !== undefined) void reply.header(SECRET_HEADER, secret);
      return webhookResource(app, info);
    },
  );

  server.delete<{ Params: IdParams }>(
    "/apps/:app/webhooks/:id",
    { schema: { summary: "Removes it, and answers it as it was" } },
    async (request) => {
      const app = platform.app(request.params.app);
      const removed = await removeWebhook(app, request.params.id, callerOf(request));
      await beginTelling(platform, app);
      return webhookResource(app, removed);
    },
  );
}

function deliveries(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams; Querystring: Record<string, string> }>(
    "/apps/:app/webhook-deliveries",
    { schema: { summary: "What was told to whom, newest first; `?eq[status]=failed` for those of one status" } },
    async ({ params, query }) => {
      const all = await platform.app(params.app).webhooks.deliveries();
      const wanted = query["eq[status]"];
      return all.filter(({ status }) => wanted === undefined || status === wanted).map(deliveryResource);
    },
  );

  server.get<{ Params: IdParams }>(
    "/apps/:app/webhook-deliveries/:id",
    { schema: { summary: "One of them, by its id or a beginning of that" } },
    async ({ params }) => {
      const all = await platform.app(params.app).webhooks.deliveries();
      return deliveryResource(pick(all, params.id, "delivery"));
    },
  );

  server.get<{ Params: AppParams }>(
    "/apps/:app/webhook-events",
    { schema: { summary: "What has happened, newest first" } },
    async ({ params }) => {
      const events = await eventsOf(platform.app(params.app));
      return events.map(eventResource);
    },
  );

  server.get<{ Params: IdParams }>(
    "/apps/:app/webhook-events/:id",
    { schema: { summary: "One of them, by its id or a beginning of that" } },
    async ({ params }) => eventResource(pick(await eventsOf(platform.app(params.app)), params.id, "event")),
  );
}

/** One of several webhooks is one event with several deliveries. */
async function eventsOf(app: App): Promise<WebhookEvent[]> {
  const all = await app.webhooks.deliveries();
  return [...new Map(all.map(({ event }) => [event.id, event])).values()];
}

/** By its id or a beginning of that. */
function pick<T extends { id: string }>(all: readonly T[], id: string, what: string): T {
  const [found, other] = all.filter((one) => id.length >= 4 && one.id.startsWith(id));
  if (found !== undefined && other === undefined) return found;
  throw new AppError("not_found", `Couldn't find that webhook ${what}.`, {
    hint: "`git heroku webhooks:deliveries` lists those that are known.",
    resource: `webhook_${what}`,
  });
}

function webhookResource(app: App, info: WebhookInfo): Resource {
  return {
    id: info.id,
    app: { id: app.id, name: app.name },
    created_at: info.createdAt,
    include: info.include,
    level: info.level,
    updated_at: info.updatedAt,
    url: info.url,
  };
}

function deliveryResource({ id, event, webhook, level: at, status, attempts, last, nextAt }: Delivery): Resource {
  return {
    id,
    created_at: iso(event.at),
    event: { id: event.id, include: event.entity },
    last_attempt: last === null ? null : attemptResource(last),
    next_attempt_at: nextAt === null ? null : iso(nextAt),
    num_attempts: attempts,
    status,
    updated_at: iso(last?.at ?? event.at),
    webhook: { id: webhook, level: at },
  };
}

function attemptResource({ id, at, code, error }: Attempt): Resource {
  return {
    id,
    code,
    created_at: iso(at),
    error_class: error,
    status: error === null ? "succeeded" : "failed",
    updated_at: iso(at),
  };
}

function eventResource({ id, at, entity, payload }: WebhookEvent): Resource {
  return { id, created_at: iso(at), include: entity, payload, updated_at: iso(at) };
}
