/** /apps/A/formation and /apps/A/dynos: what should run, what runs, and restarting or stopping it. */
import { hostname } from "node:os";
import type { FastifyInstance } from "fastify";
import { AppError } from "../core/error.ts";
import { checkType, parseQuantity } from "../core/formation-plan.ts";
import type { Actor } from "../platform/actor.ts";
import type { App } from "../platform/app.ts";
import type { Platform } from "../platform/platform.ts";
import { restart, stop } from "../platform/restart.ts";
import { processTypes, scale } from "../platform/scale.ts";
import { waitUntilUp } from "../platform/wait-until-up.ts";
import type { AppParams } from "./app-routes.ts";
import { callerOf } from "./caller.ts";
import {
  DYNO_SIZE,
  dynoResource,
  dynoResources,
  extendedFields,
  formationResources,
  type Resource,
} from "./resources.ts";
import { untilGone } from "./until-gone.ts";

type TypeParams = AppParams & { type: string };

interface QuantityUpdate {
  quantity?: number | string;
  size?: string;
}

interface FormationUpdate extends QuantityUpdate {
  type: string;
}

const updateFields = {
  quantity: {
    type: ["integer", "string"],
    description: 'a whole number, or a text: `"3"`, or `"+1"` and `"-1"` for a change',
  },
  size: { type: "string", maxLength: 100, description: "`Basic`: there is one" },
} as const;
const updateBody = { type: "object", examples: [{ quantity: "+1" }], properties: updateFields } as const;

const updatesBody = {
  type: "object",
  required: ["updates"],
  examples: [{ updates: [{ type: "web", quantity: 2 }] }],
  properties: {
    updates: {
      type: "array",
      minItems: 1,
      maxItems: 200,
      items: {
        type: "object",
        required: ["type"],
        properties: { type: { type: "string", maxLength: 128 }, ...updateFields },
      },
    },
  },
} as const;

export function formationRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams }>(
    "/apps/:app/formation",
    { schema: { summary: "How many processes should run of each type" } },
    (request) => formation(platform.app(request.params.app)),
  );

  server.get<{ Params: TypeParams }>(
    "/apps/:app/formation/:type",
    { schema: { summary: "One type" } },
    async (request) => {
      const [entry] = await entriesOf(platform.app(request.params.app), [request.params.type]);
      return entry;
    },
  );

  server.patch<{ Params: AppParams; Body: { updates: FormationUpdate[] } }>(
    "/apps/:app/formation",
    {
      schema: {
        summary: "Scales; answers those types that were named, the others keep their quantity",
        body: updatesBody,
      },
    },
    (request) => update(platform, platform.app(request.params.app), request.body.updates, callerOf(request)),
  );

  server.patch<{ Params: TypeParams; Body: QuantityUpdate }>(
    "/apps/:app/formation/:type",
    { schema: { summary: "Scales it", body: updateBody } },
    async (request) => {
      const { app, type } = request.params;
      const [entry] = await update(platform, platform.app(app), [{ ...request.body, type }], callerOf(request));
      return entry;
    },
  );

  dynoLists(server, platform);
  waiting(server, platform);

  processActions(server, platform);
}

interface WaitQuery {
  type?: string;
  with_run?: string;
  /** In seconds. */
  timeout?: string;
}

function dynoLists(server: FastifyInstance, platform: Platform): void {
  const options = {
    config: { shared: true },
    schema: { summary: "The processes that there are", querystring: dynosQuery },
  };
  server.get<{ Params: AppParams; Querystring: { extended?: string } }>("/apps/:app/dynos", options, (request) =>
    dynos(platform, platform.app(request.params.app), request.query.extended === "true"),
  );

  server.get<{ Params: AppParams & { name: string } }>(
    "/apps/:app/dynos/:name",
    { schema: { summary: "One process, by name or id" } },
    async (request) => {
      const app = platform.app(request.params.app);
      await platform.knowsProcesses(app);
      const { name } = request.params;
      const dyno = app.processes().find((one) => one.id === name || (one.listed && one.name === name));
      if (dyno !== undefined) return dynoResource(app, dyno);
      throw new AppError("not_found", "Couldn't find that dyno.", {
        hint: `\`git heroku ps --app ${app.name}\` lists the processes there are.`,
        resource: "dyno",
      });
    },
  );
}

const dynosQuery = {
  type: "object",
  properties: {
    extended: {
      type: "string",
      enum: ["true", "false"],
      description: "with `extended`, and those that serve on or finish under a name that another has now",
    },
  },
} as const;

async function dynos(platform: Platform, app: App, extended: boolean): Promise<Resource[]> {
  await platform.knowsProcesses(app);
  const known = app.processes().filter((dyno) => extended || dyno.listed);
  const resources = await dynoResources(app, known);
  if (!extended) return resources;
  const memory = await Promise.all(known.map(({ id }) => platform.runtime.memory(id)));
  for (const [index, dyno] of known.entries()) {
    Object.assign(resources[index] ?? {}, extendedFields(dyno, { host: hostname(), memory: memory[index] }));
  }
  return resources;
}

const WAIT_SECONDS_USUAL = 300;
const WAIT_SECONDS_MAX = 86_400;

const waitQuery = {
  type: "object",
  properties: {
    type: { type: "string", maxLength: 128, description: "one process type" },
    with_run: { type: "string", enum: ["true", "false"], description: "for one-off processes too" },
    timeout: { type: "string", pattern: "^[1-9][0-9]{0,5}$", description: "in seconds: 300, at most 86400" },
  },
} as const;

function waiting(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams; Querystring: WaitQuery }>(
    "/apps/:app/dynos/actions/wait",
    {
      schema: {
        summary: "Answered when all are up, or one has crashed; 404 before the first deploy",
        querystring: waitQuery,
      },
    },
    async ({ params, query }, reply) => {
      const app = platform.app(params.app);
      const seconds = Math.min(Number(query.timeout ?? WAIT_SECONDS_USUAL), WAIT_SECONDS_MAX);
      const request = { type: query.type, withRun: query.with_run === "true", timeoutMs: seconds * 1000 };
      const signal = untilGone(reply.raw, platform.closing);
      const { status, version, dynos } = await waitUntilUp(platform, app, request, signal);
      return { status, version, dynos: await dynoResources(app, dynos) };
    },
  );
}

function processActions(server: FastifyInstance, platform: Platform): void {
  server.delete<{ Params: AppParams }>(
    "/apps/:app/dynos",
    { schema: { summary: "Restarts all processes of the formation" } },
    async (request, reply) => {
      await restart(platform, platform.app(request.params.app), undefined, callerOf(request));
      return reply.status(202).send({});
    },
  );
  for (const path of ["/apps/:app/dynos/:name", "/apps/:app/formations/:name"]) {
    const restarts = { schema: { summary: "Restarts `web.1`, or all of `web`; stops `run.1`" } };
    const stops = { schema: { summary: "Stops them; the formation starts its own again" } };
    server.delete<{ Params: AppParams & { name: string } }>(path, restarts, async (request, reply) => {
      await restart(platform, platform.app(request.params.app), request.params.name, callerOf(request));
      return reply.status(202).send({});
    });
    server.post<{ Params: AppParams & { name: string } }>(`${path}/actions/stop`, stops, async (request, reply) => {
      await stop(platform, platform.app(request.params.app), request.params.name, callerOf(request));
      return reply.status(202).send({});
    });
  }
}

/** By number and by type; what is only of a size changes nothing.
 *  @throws AppError invalid_params for a size that there is not, and as `scale` */
async function update(
  platform: Platform,
  app: App,
  updates: readonly FormationUpdate[],
  actor: Actor,
): Promise<Record<string, unknown>[]> {
  for (const { size } of updates) checkSize(size);
  const named = await entriesOf(
    app,
    updates.map(({ type }) => type),
  );
  const changes = updates.filter(({ quantity, size }) => quantity !== undefined || size === undefined);
  if (changes.length === 0) return named;
  const scaled = await scale(
    platform,
    app,
    changes.map(({ type, quantity }) => parseQuantity(type, quantity)),
    actor,
  );
  const types = new Set([...scaled.keys(), ...updates.map(({ type }) => type)]);
  return (await formation(app)).filter((entry) => types.has(String(entry["type"])));
}

function checkSize(size: string | undefined): void {
  if (size === undefined || size.toLowerCase() === DYNO_SIZE.toLowerCase()) return;
  throw new AppError("invalid_params", `There is no dyno size ${JSON.stringify(size.slice(0, 40))} here.`, {
    hint: `All are ${DYNO_SIZE}: what a process may use is a limit, git heroku limits:set web memory=512MB`,
  });
}

/** @throws AppError not_found for a type that the app does not have */
async function entriesOf(app: App, types: readonly string[]): Promise<Record<string, unknown>[]> {
  const all = await formation(app);
  for (const type of types) checkType(type, await processTypes(app));
  return all.filter(({ type }) => types.includes(String(type)));
}

/** With the type of the release command, as Heroku's clients look for it; it cannot be scaled. */
async function formation(app: App): Promise<Record<string, unknown>[]> {
  const [procfile, state, current] = await Promise.all([processTypes(app), app.state(), app.ledger.current()]);
  return current === undefined ? [] : formationResources(app, procfile, state.quantities, current);
}
