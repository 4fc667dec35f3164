/** Heroku's pipelines, for its client (docs/api.md, "Pipeline"). */
import type { FastifyInstance } from "fastify";
import { STAGES, type Coupling, type Pipeline, type Stage } from "../core/pipeline.ts";
import { Pipelines } from "../platform/pipelines.ts";
import type { Platform } from "../platform/platform.ts";
import type { AppParams } from "./app-routes.ts";
import { callerOf, visitorOf } from "./caller.ts";
import { OPERATE, VIEW } from "./permissions.ts";
import { Desk, type DeskFor } from "./pipeline-desk.ts";
import { promotionRoutes } from "./promotion-routes.ts";
import { GENERATION, idOf, iso, named, type Resource } from "./resources.ts";

interface IdParams {
  id: string;
}

const name = { type: "string", maxLength: 100 } as const;
const stage = { enum: [...STAGES] } as const;

const pipelineBody = {
  type: "object",
  required: ["name"],
  examples: [{ name: "shop" }],
  properties: { name },
} as const;
const couplingBody = {
  type: "object",
  required: ["app", "pipeline", "stage"],
  examples: [{ app: "foobaz", pipeline: "shop", stage: "production" }],
  properties: { app: name, pipeline: name, stage },
} as const;
const stageBody = {
  type: "object",
  required: ["stage"],
  examples: [{ stage: "staging" }],
  properties: { stage },
} as const;

export function pipelineRoutes(server: FastifyInstance, platform: Platform): void {
  let opened: Promise<Pipelines> | undefined;
  const book: Book = () => (opened ??= Pipelines.open(platform.home, platform));
  const at: DeskFor = async (request) => Desk.of(platform, visitorOf(request), await book());
  pipelines(server, book, at);
  couplings(server, book, at);
  promotionRoutes(server, platform, at);
}

type Book = () => Promise<Pipelines>;

function pipelines(server: FastifyInstance, book: Book, at: DeskFor): void {
  server.get<{ Querystring: Record<string, string> }>(
    "/pipelines",
    { schema: { summary: "All of them; with `?eq[name]=shop` that one, if there is one" } },
    async (request) => {
      const wanted = request.query["eq[name]"];
      const all = (await at(request)).pipelines();
      return all.filter((one) => wanted === undefined || one.name === wanted).map(pipelineResource);
    },
  );

  server.post<{ Body: { name: string } }>(
    "/pipelines",
    { schema: { summary: "Makes one", body: pipelineBody } },
    async (request, reply) => {
      const pipeline = await (await book()).create(request.body.name, callerOf(request).by.email);
      void reply.status(201);
      return pipelineResource(pipeline);
    },
  );

  server.get<{ Params: IdParams }>(
    "/pipelines/:id",
    { schema: { summary: "One of them, by its id or name" } },
    async (request) => pipelineResource((await at(request)).pipeline(request.params.id)),
  );

  server.patch<{ Params: IdParams; Body: { name: string } }>(
    "/pipelines/:id",
    { schema: { summary: "Gives it another name", body: pipelineBody } },
    async (request) => {
      const { id } = (await at(request)).own(request.params.id);
      return pipelineResource(await (await book()).rename(id, request.body.name));
    },
  );

  server.delete<{ Params: IdParams }>(
    "/pipelines/:id",
    { schema: { summary: "Removes it, and answers it as it was; its apps stay" } },
    async (request) => {
      const pipeline = (await at(request)).own(request.params.id);
      await (await book()).remove(pipeline.id);
      return pipelineResource(pipeline);
    },
  );
}

function couplings(server: FastifyInstance, book: Book, at: DeskFor): void {
  server.get("/pipeline-couplings", { schema: { summary: "Which apps are in which" } }, async (request) =>
    (await at(request)).couplings().map(couplingResource),
  );

  server.get<{ Params: IdParams }>(
    "/pipelines/:id/pipeline-couplings",
    { schema: { summary: "Which apps are in it" } },
    async (request) => {
      const desk = await at(request);
      const { id } = desk.pipeline(request.params.id);
      const all = desk.couplings().filter((one) => one.pipeline === id);
      return all.map(couplingResource);
    },
  );

  server.get<{ Params: AppParams }>(
    "/apps/:app/pipeline-couplings",
    { schema: { summary: "That of the app; 404 without one" } },
    async (request) => {
      const desk = await at(request);
      const coupling = desk.couplingOf(await desk.app(request.params.app, VIEW));
      const { id, name: called } = desk.pipeline(coupling.pipeline);
      return { ...couplingResource(coupling), pipeline: { id, name: called } };
    },
  );

  couplingChanges(server, book, at);
}

function couplingChanges(server: FastifyInstance, book: Book, at: DeskFor): void {
  server.post<{ Body: { app: string; pipeline: string; stage: Stage } }>(
    "/pipeline-couplings",
    { schema: { summary: "Puts an app into a pipeline", body: couplingBody } },
    async (request, reply) => {
      const desk = await at(request);
      const { app: which, pipeline, stage: place } = request.body;
      const app = await desk.app(which, OPERATE);
      const coupling = await (await book()).couple(app.id, desk.pipeline(pipeline).id, place);
      void reply.status(201);
      return couplingResource(coupling);
    },
  );

  server.get<{ Params: IdParams }>("/pipeline-couplings/:id", { schema: { summary: "One of them" } }, async (request) =>
    couplingResource((await at(request)).coupling(request.params.id)),
  );

  server.patch<{ Params: IdParams; Body: { stage: Stage } }>(
    "/pipeline-couplings/:id",
    { schema: { summary: "Moves the app to another stage", body: stageBody } },
    async (request) => {
      const { id } = await changeable(await at(request), request.params.id);
      return couplingResource(await (await book()).moveTo(request.body.stage, id));
    },
  );

  server.delete<{ Params: IdParams }>(
    "/pipeline-couplings/:id",
    { schema: { summary: "Takes the app out, and answers the coupling as it was" } },
    async (request) => {
      const coupling = await changeable(await at(request), request.params.id);
      await (await book()).uncouple(coupling.id);
      return couplingResource(coupling);
    },
  );
}

async function changeable(desk: Desk, id: string): Promise<Coupling> {
  const coupling = desk.coupling(id);
  await desk.app(coupling.app, OPERATE);
  return coupling;
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
