/** /apps/A/formation and /apps/A/dynos: what should run, what runs, and restarting or stopping it. */
import { hostname } from "node:os";
import type { FastifyInstance } from "fastify";
import { LIMIT_FIELDS, LIMIT_NAMES, type LimitTexts } from "../core/limits.ts";
import { parseQuantity } from "../core/formation-plan.ts";
import type { App } from "../platform/app.ts";
import { readLimitTexts, setLimits } from "../platform/limits.ts";
import type { Platform } from "../platform/platform.ts";
import { restart, stop } from "../platform/restart.ts";
import { processTypes, scale } from "../platform/scale.ts";
import { waitUntilUp } from "../platform/wait-until-up.ts";
import type { AppParams } from "./app-routes.ts";
import { callerOf } from "./caller.ts";
import { dynoResources, extendedFields, formationResources } from "./resources.ts";
import { untilGone } from "./until-gone.ts";

interface FormationUpdate {
  type: string;
  quantity?: number | string;
}

const updatesBody = {
  type: "object",
  required: ["updates"],
  properties: {
    updates: {
      type: "array",
      minItems: 1,
      maxItems: 200,
      items: {
        type: "object",
        required: ["type"],
        properties: { type: { type: "string", maxLength: 128 }, quantity: { type: ["integer", "string"] } },
      },
    },
  },
} as const;

export function formationRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams }>("/apps/:app/formation", (request) => formation(platform.app(request.params.app)));

  server.patch<{ Params: AppParams; Body: { updates: FormationUpdate[] } }>(
    "/apps/:app/formation",
    { schema: { body: updatesBody } },
    async (request) => {
      const app = platform.app(request.params.app);
      const scaled = await scale(
        platform,
        app,
        request.body.updates.map(({ type, quantity }) => parseQuantity(type, quantity)),
        callerOf(request),
      );
      return (await formation(app)).filter((entry) => scaled.has(String(entry["type"])));
    },
  );

  server.get<{ Params: AppParams; Querystring: { extended?: string } }>("/apps/:app/dynos", async (request) => {
    const app = platform.app(request.params.app);
    await platform.knowsProcesses(app);
    const extended = request.query.extended === "true";
    const dynos = app.processes().filter((dyno) => extended || dyno.listed);
    const resources = await dynoResources(app, dynos);
    if (!extended) return resources;
    const memory = await Promise.all(dynos.map(({ id }) => platform.runtime.memory(id)));
    return resources.map((resource, index) => {
      const dyno = dynos[index];
      return dyno && { ...resource, ...extendedFields(dyno, { host: hostname(), memory: memory[index] }) };
    });
  });

  waiting(server, platform);

  processActions(server, platform);
  limits(server, platform);
}

interface WaitQuery {
  type?: string;
  with_run?: string;
  /** In seconds. */
  timeout?: string;
}

const WAIT_SECONDS_USUAL = 300;
const WAIT_SECONDS_MAX = 86_400;

const waitQuery = {
  type: "object",
  properties: {
    type: { type: "string", maxLength: 128 },
    with_run: { type: "string", enum: ["true", "false"] },
    timeout: { type: "string", pattern: "^[1-9][0-9]{0,5}$" },
  },
} as const;

function waiting(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams; Querystring: WaitQuery }>(
    "/apps/:app/dynos/actions/wait",
    { schema: { querystring: waitQuery } },
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
  server.delete<{ Params: AppParams }>("/apps/:app/dynos", async (request, reply) => {
    await restart(platform, platform.app(request.params.app), undefined, callerOf(request));
    return reply.status(202).send({});
  });
  for (const path of ["/apps/:app/dynos/:name", "/apps/:app/formations/:name"]) {
    server.delete<{ Params: AppParams & { name: string } }>(path, async (request, reply) => {
      await restart(platform, platform.app(request.params.app), request.params.name, callerOf(request));
      return reply.status(202).send({});
    });
    server.post<{ Params: AppParams & { name: string } }>(`${path}/actions/stop`, async (request, reply) => {
      await stop(platform, platform.app(request.params.app), request.params.name, callerOf(request));
      return reply.status(202).send({});
    });
  }
}

const limitsBody = {
  type: "object",
  minProperties: 1,
  additionalProperties: false,
  properties: Object.fromEntries(
    Object.values(LIMIT_FIELDS).map((field) => [field, { type: ["string", "null"], maxLength: 40 }]),
  ),
} as const;

type LimitsBody = Partial<Record<(typeof LIMIT_FIELDS)[keyof typeof LIMIT_FIELDS], string | null>>;

function limits(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams }>("/apps/:app/limits", async (request) => {
    const texts = await readLimitTexts(platform.app(request.params.app));
    return [...texts].map(([type, own]) => limitsResource(type, own));
  });

  server.patch<{ Params: AppParams & { type: string }; Body: LimitsBody }>(
    "/apps/:app/limits/:type",
    { schema: { body: limitsBody } },
    async (request) => {
      const { app: name, type } = request.params;
      const app = platform.app(name);
      const named = LIMIT_NAMES.filter((name) => LIMIT_FIELDS[name] in request.body);
      const change: LimitTexts = Object.fromEntries(named.map((name) => [name, request.body[LIMIT_FIELDS[name]]]));
      await setLimits(platform, app, { type, change }, callerOf(request));
      return limitsResource(type, (await readLimitTexts(app)).get(type) ?? {});
    },
  );
}

function limitsResource(type: string, texts: LimitTexts): Record<string, unknown> {
  const fields = LIMIT_NAMES.map((name) => [LIMIT_FIELDS[name], texts[name] ?? null]);
  return { type, ...Object.fromEntries(fields) };
}

async function formation(app: App): Promise<Record<string, unknown>[]> {
  const [procfile, state, current] = await Promise.all([processTypes(app), app.state(), app.ledger.current()]);
  return current === undefined ? [] : formationResources(app, procfile, state.quantities, current);
}
