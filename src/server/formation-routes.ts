/** /apps/A/formation and /apps/A/dynos: what should run, what runs, and restarting or stopping it. */
import type { FastifyInstance } from "fastify";
import { parseQuantity } from "../core/formation-plan.ts";
import type { App } from "../platform/app.ts";
import type { Platform } from "../platform/platform.ts";
import { restart, stop } from "../platform/restart.ts";
import { processTypes, scale } from "../platform/scale.ts";
import type { AppParams } from "./app-routes.ts";
import { callerOf } from "./caller.ts";
import { dynoResource, formationResources } from "./resources.ts";

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
    return Promise.all(dynos.map((dyno) => dynoResource(app, dyno, extended)));
  });

  processActions(server, platform);
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

async function formation(app: App): Promise<Record<string, unknown>[]> {
  const [procfile, state, current] = await Promise.all([processTypes(app), app.state(), app.ledger.current()]);
  return current === undefined ? [] : formationResources(app, procfile, state.quantities, current);
}
