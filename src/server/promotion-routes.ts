/** /apps/A/actions/promote, and Heroku's promotions along a pipeline (docs/api.md, "Pipelines"). */
import type { FastifyInstance } from "fastify";
import { enterApp } from "../platform/access.ts";
import { idOfObject } from "../platform/app.ts";
import { currentOf } from "../platform/current-release.ts";
import type { Platform } from "../platform/platform.ts";
import { promote } from "../platform/promote.ts";
import type { AppParams } from "./app-routes.ts";
import { callerOf, visitorOf } from "./caller.ts";
import { linksOf } from "./links.ts";
import { answerLive } from "./live-answer.ts";
import { DEPLOY, VIEW } from "./permissions.ts";
import type { DeskFor } from "./pipeline-desk.ts";
import { Promotions, type Promotion, type PromotionTarget } from "./promotions.ts";
import { iso, releaseResources, type Resource } from "./resources.ts";

interface IdParams {
  id: string;
}

const name = { type: "string", maxLength: 100 } as const;
const idOnly = { type: "object", required: ["id"], properties: { id: name } } as const;
const appOnly = { type: "object", required: ["app"], properties: { app: idOnly } } as const;
const promoteBody = {
  type: "object",
  required: ["to"],
  examples: [{ to: "foobaz" }],
  properties: { to: name },
} as const;
const promotionBody = {
  type: "object",
  required: ["pipeline", "source", "targets"],
  properties: {
    pipeline: idOnly,
    source: appOnly,
    targets: { type: "array", minItems: 1, maxItems: 100, items: appOnly },
  },
} as const;

interface PromotionBody {
  pipeline: { id: string };
  source: { app: { id: string } };
  targets: { app: { id: string } }[];
}

export function promotionRoutes(server: FastifyInstance, platform: Platform, at: DeskFor): void {
  promoting(server, platform);
  promotions(server, platform, at);
}

function promoting(server: FastifyInstance, platform: Platform): void {
  server.post<{ Params: AppParams; Body: { to: string } }>(
    "/apps/:app/actions/promote",
    {
      schema: {
        summary:
          "Releases the code of the current release, as it was built, in another app, and answers when that release is there, or has failed",
        body: promoteBody,
      },
    },
    async (request, reply) => {
      const app = platform.app(request.params.app);
      const target = await enterApp(platform, visitorOf(request), request.body.to, DEPLOY);
      const source = { app, release: await currentOf(app) };
      return answerLive(platform, request, reply, async (actor) => {
        const release = await promote(platform, source, target, actor);
        const [body] = await releaseResources(target, [release], await linksOf(platform, request));
        return { status: 201, body, release: release.version };
      });
    },
  );
}

function promotions(server: FastifyInstance, platform: Platform, at: DeskFor): void {
  let opened: Promise<Promotions> | undefined;
  const kept = (): Promise<Promotions> => (opened ??= Promotions.open(platform));

  server.post<{ Body: PromotionBody }>(
    "/pipeline-promotions",
    {
      schema: {
        summary: "Promotes along a pipeline, as Heroku's client does it; the newest 100 are known",
        body: promotionBody,
      },
    },
    async (request, reply) => {
      const { pipeline, source, targets } = request.body;
      const desk = await at(request);
      const { id } = desk.pipeline(pipeline.id);
      const app = await desk.member(id, source.app.id, VIEW);
      const apps = await Promise.all(targets.map((one) => desk.member(id, one.app.id, DEPLOY)));
      const release = await currentOf(app);
      void reply.status(201);
      return promotionResource(await (await kept()).begin(id, { app, release }, apps, callerOf(request)));
    },
  );

  server.get<{ Params: IdParams }>(
    "/pipeline-promotions/:id",
    { schema: { summary: "How far it is" } },
    async (request) => promotionResource((await kept()).find(request.params.id, visitorOf(request))),
  );

  server.get<{ Params: IdParams }>(
    "/pipeline-promotions/:id/promotion-targets",
    { schema: { summary: "What became of each app" } },
    async (request) => {
      const promotion = (await kept()).find(request.params.id, visitorOf(request));
      return promotion.targets.map((one) => targetResource(promotion, one));
    },
  );
}

function promotionResource({ id, pipeline, app, release, targets, createdAt, updatedAt }: Promotion): Resource {
  const isOver = targets.every((one) => one.status !== "pending");
  return {
    id,
    pipeline: { id: pipeline },
    source: { app: { id: app }, release: { id: idOfObject(release) } },
    status: isOver ? "completed" : "pending",
    created_at: iso(createdAt),
    updated_at: iso(updatedAt),
  };
}

function targetResource(promotion: Promotion, { id, app, status, release, error }: PromotionTarget): Resource {
  return {
    id,
    app: { id: app },
    error_message: error === "" ? null : error,
    pipeline_promotion: { id: promotion.id },
    release: release === "" ? null : { id: idOfObject(release) },
    status,
  };
}
