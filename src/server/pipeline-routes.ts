/** Pipelines and promotions: Heroku's own, for its client, and /apps/A/actions/promote, which needs no pipeline. */
import type { FastifyInstance } from "fastify";
import { AppError } from "../core/error.ts";
import { STAGES, type Coupling, type Pipeline, type Stage } from "../core/pipeline.ts";
import type { App } from "../platform/app.ts";
import { currentOf } from "../platform/current-release.ts";
import { Pipelines } from "../platform/pipelines.ts";
import type { Platform } from "../platform/platform.ts";
import { promote } from "../platform/promote.ts";
import { idOfObject } from "../platform/app.ts";
import type { AppParams } from "./app-routes.ts";
import { callerOf } from "./caller.ts";
import { linksOf } from "./links.ts";
import { answerLive } from "./live-answer.ts";
import { Promotions, type Promotion, type PromotionTarget } from "./promotions.ts";
import { GENERATION, idOf, iso, named, releaseResources, type Resource } from "./resources.ts";

interface IdParams {
  id: string;
}

const name = { type: "string", maxLength: 100 } as const;
const idOnly = { type: "object", required: ["id"], properties: { id: name } } as const;
const appOnly = { type: "object", required: ["app"], properties: { app: idOnly } } as const;
const stage = { enum: [...STAGES] } as const;

const promoteBody = { type: "object", required: ["to"], properties: { to: name } } as const;
const pipelineBody = { type: "object", required: ["name"], properties: { name } } as const;
const couplingBody = {
  type: "object",
  required: ["app", "pipeline", "stage"],
  properties: { app: name, pipeline: name, stage },
} as const;
const stageBody = { type: "object", required: ["stage"], properties: { stage } } as const;
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

export function pipelineRoutes(server: FastifyInstance, platform: Platform): void {
  let opened: Promise<Pipelines> | undefined;
  const book = (): Promise<Pipelines> => (opened ??= Pipelines.open(platform.home, platform));

  promoting(server, platform);
  pipelines(server, book);
  couplings(server, platform, book);
  promotions(server, platform, book);
}

type Book = () => Promise<Pipelines>;

function promoting(server: FastifyInstance, platform: Platform): void {
  server.post<{ Params: AppParams; Body: { to: string } }>(
    "/apps/:app/actions/promote",
    { schema: { body: promoteBody } },
    async (request, reply) => {
      const app = platform.app(request.params.app);
      const target = platform.app(request.body.to);
      const source = { app, release: await currentOf(app) };
      return answerLive(platform, request, reply, async (actor) => {
        const release = await promote(platform, source, target, actor);
        const [body] = await releaseResources(target, [release], await linksOf(platform, request));
        return { status: 201, body, release: release.version };
      });
    },
  );
}

function pipelines(server: FastifyInstance, book: Book): void {
  server.get<{ Querystring: Record<string, string> }>("/pipelines", async (request) => {
    const wanted = request.query["eq[name]"];
    const all = (await book()).list();
    return all.filter((one) => wanted === undefined || one.name === wanted).map(pipelineResource);
  });

  server.post<{ Body: { name: string } }>("/pipelines", { schema: { body: pipelineBody } }, async (request, reply) => {
    const pipeline = await (await book()).create(request.body.name, callerOf(request).by.email);
    void reply.status(201);
    return pipelineResource(pipeline);
  });

  server.get<{ Params: IdParams }>("/pipelines/:id", async ({ params }) =>
    pipelineResource((await book()).find(params.id)),
  );

  server.patch<{ Params: IdParams; Body: { name: string } }>(
    "/pipelines/:id",
    { schema: { body: pipelineBody } },
    async ({ params, body }) => {
      const all = await book();
      return pipelineResource(await all.rename(all.find(params.id).id, body.name));
    },
  );

  server.delete<{ Params: IdParams }>("/pipelines/:id", async ({ params }) => {
    const all = await book();
    const pipeline = all.find(params.id);
    await all.remove(pipeline.id);
    return pipelineResource(pipeline);
  });
}

function couplings(server: FastifyInstance, platform: Platform, book: Book): void {
  // Of an app that is destroyed nothing is told.
  const shown = (all: readonly Coupling[]): Resource[] =>
    all.filter(({ app }) => platform.find(app) !== undefined).map(couplingResource);

  server.get("/pipeline-couplings", async () => shown((await book()).couplings()));

  server.get<{ Params: IdParams }>("/pipelines/:id/pipeline-couplings", async ({ params }) => {
    const all = await book();
    const { id } = all.find(params.id);
    return shown(all.couplings().filter((one) => one.pipeline === id));
  });

  server.get<{ Params: AppParams }>("/apps/:app/pipeline-couplings", async ({ params }) => {
    const all = await book();
    const coupling = all.couplingOf(platform.app(params.app).id);
    const { id, name: called } = all.find(coupling.pipeline);
    return { ...couplingResource(coupling), pipeline: { id, name: called } };
  });

  server.post<{ Body: { app: string; pipeline: string; stage: Stage } }>(
    "/pipeline-couplings",
    { schema: { body: couplingBody } },
    async ({ body }, reply) => {
      const all = await book();
      const app = platform.app(body.app);
      const coupling = await all.couple(app.id, all.find(body.pipeline).id, body.stage);
      void reply.status(201);
      return couplingResource(coupling);
    },
  );

  server.get<{ Params: IdParams }>("/pipeline-couplings/:id", async ({ params }) =>
    couplingResource((await book()).coupling(params.id)),
  );

  server.patch<{ Params: IdParams; Body: { stage: Stage } }>(
    "/pipeline-couplings/:id",
    { schema: { body: stageBody } },
    async ({ params, body }) => couplingResource(await (await book()).moveTo(body.stage, params.id)),
  );

  server.delete<{ Params: IdParams }>("/pipeline-couplings/:id", async ({ params }) => {
    const all = await book();
    const coupling = all.coupling(params.id);
    await all.uncouple(coupling.id);
    return couplingResource(coupling);
  });
}

function promotions(server: FastifyInstance, platform: Platform, book: Book): void {
  const begun = new Promotions(platform);

  server.post<{ Body: PromotionBody }>(
    "/pipeline-promotions",
    { schema: { body: promotionBody } },
    async (request, reply) => {
      const { pipeline, source, targets } = request.body;
      const all = await book();
      const { id } = all.find(pipeline.id);
      const [app, ...apps] = [source, ...targets].map((one) => inPipeline(all, id, platform.app(one.app.id)));
      if (app === undefined) throw new Error("a promotion has a source");
      const order = { pipeline: id, source: { app, release: await currentOf(app) } };
      void reply.status(201);
      return promotionResource(begun.begin(order, apps, callerOf(request)));
    },
  );

  server.get<{ Params: IdParams }>("/pipeline-promotions/:id", ({ params }) =>
    Promise.resolve(promotionResource(begun.find(params.id))),
  );

  server.get<{ Params: IdParams }>("/pipeline-promotions/:id/promotion-targets", ({ params }) => {
    const promotion = begun.find(params.id);
    return Promise.resolve(promotion.targets.map((one) => targetResource(promotion, one)));
  });
}

function inPipeline(all: Pipelines, pipeline: string, app: App): App {
  if (all.couplings().some((one) => one.app === app.id && one.pipeline === pipeline)) return app;
  throw new AppError("invalid_params", `${app.name} is not in that pipeline.`, {
    hint: "Add it: heroku pipelines:add, or promote without a pipeline: git heroku promote",
  });
}

function pipelineResource({ id, name: called, owner, createdAt, updatedAt }: Pipeline): Resource {
  return {
    id,
    name: called,
    created_at: iso(createdAt),
    updated_at: iso(updatedAt),
    generation: named("generation", GENERATION),
    owner: { id: idOf("person", owner), type: "user" },
  };
}

function couplingResource({ id, app, pipeline, stage: at, createdAt, updatedAt }: Coupling): Resource {
  return {
    id,
    app: { id: app },
    pipeline: { id: pipeline },
    stage: at,
    created_at: iso(createdAt),
    updated_at: iso(updatedAt),
  };
}

function promotionResource({ id, pipeline, source, targets, createdAt, updatedAt }: Promotion): Resource {
  const isOver = targets.every((one) => one.status !== "pending");
  return {
    id,
    pipeline: { id: pipeline },
    source: { app: { id: source.app.id }, release: { id: idOfObject(source.release.oid) } },
    status: isOver ? "completed" : "pending",
    created_at: iso(createdAt),
    updated_at: iso(updatedAt),
  };
}

function targetResource(promotion: Promotion, { id, app, status, release, error }: PromotionTarget): Resource {
  return {
    id,
    app: { id: app.id },
    error_message: error ?? null,
    pipeline_promotion: { id: promotion.id },
    release: release === undefined ? null : { id: idOfObject(release.oid) },
    status,
  };
}
