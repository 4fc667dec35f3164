/** /apps: list, create, info, maintenance, rename, transfer, destroy, settings. */
import type { FastifyInstance } from "fastify";
import type { Need } from "../core/access.ts";
import { AppError } from "../core/error.ts";
import { transferApp, visibleApps } from "../platform/access.ts";
import { changeSettings, readSettingTexts } from "../platform/change-settings.ts";
import { createApp, type NewApp } from "../platform/create-app.ts";
import { destroyApp } from "../platform/destroy-app.ts";
import type { Platform } from "../platform/platform.ts";
import { renameApp } from "../platform/rename-app.ts";
import { setMaintenance } from "../platform/set-maintenance.ts";
import { callerOf, visitorOf } from "./caller.ts";
import { demand } from "./permit.ts";
import { MANAGE, OPERATE } from "./permissions.ts";
import { appResource, STACK } from "./resources.ts";

export interface AppParams {
  app: string;
}

const createBody = {
  type: ["object", "null"],
  properties: {
    name: { type: "string", maxLength: 200 },
    setup: {
      type: "object",
      additionalProperties: false,
      properties: {
        config_vars: { type: "object", additionalProperties: { type: "string" }, maxProperties: 1_000 },
        formation: { type: "object", additionalProperties: { type: "integer" }, maxProperties: 100 },
        buildpacks: { type: "array", items: { type: "string", maxLength: 1_100 }, maxItems: 100 },
        settings: { type: "object", additionalProperties: { type: "string", maxLength: 200 }, maxProperties: 50 },
        postdeploy: { type: "string" },
      },
    },
  },
} as const;

const patchBody = {
  type: "object",
  minProperties: 1,
  properties: {
    maintenance: { type: "boolean" },
    build_stack: { type: "string", maxLength: 100 },
    name: { type: "string", maxLength: 100 },
    owner: { type: "string", maxLength: 320 },
  },
} as const;

interface AppChange {
  maintenance?: boolean;
  build_stack?: string;
  name?: string;
  owner?: string;
}

const settingsBody = {
  type: "object",
  additionalProperties: { type: ["string", "null"], maxLength: 200 },
  minProperties: 1,
  maxProperties: 50,
} as const;

export function appRoutes(server: FastifyInstance, platform: Platform): void {
  server.get("/apps", async (request) => {
    const apps = await visibleApps(platform, visitorOf(request));
    return Promise.all(apps.map((app) => appResource(platform, app)));
  });

  server.post<{ Body: NewApp | undefined }>("/apps", { schema: { body: createBody } }, async (request, reply) => {
    const app = await createApp(platform, request.body ?? {}, callerOf(request));
    void reply.status(201);
    return appResource(platform, app);
  });

  server.get<{ Params: AppParams }>("/apps/:app", (request) => appResource(platform, platform.app(request.params.app)));

  server.patch<{ Params: AppParams; Body: AppChange }>(
    "/apps/:app",
    { schema: { body: patchBody } },
    async (request) => {
      const app = platform.app(request.params.app);
      const { maintenance, build_stack: stack, name, owner } = request.body;
      checkStack(stack);
      for (const need of needsOf(request.body)) await demand(platform, request, app, need);
      if (owner !== undefined) await transferApp(platform, app, owner, callerOf(request));
      if (maintenance !== undefined) await setMaintenance(platform, app, maintenance, callerOf(request));
      if (name === undefined) return appResource(platform, app);
      return appResource(platform, await renameApp(platform, app, name, callerOf(request)));
    },
  );

  server.get<{ Params: AppParams }>("/apps/:app/settings", (request) =>
    readSettingTexts(platform.app(request.params.app)),
  );

  server.patch<{ Params: AppParams; Body: Record<string, string | null> }>(
    "/apps/:app/settings",
    { schema: { body: settingsBody } },
    async (request) => {
      const app = platform.app(request.params.app);
      await changeSettings(platform, app, request.body, callerOf(request));
      return readSettingTexts(app);
    },
  );

  server.delete<{ Params: AppParams }>("/apps/:app", async (request) => {
    const app = platform.app(request.params.app);
    const resource = await appResource(platform, app);
    await destroyApp(platform, app, callerOf(request));
    return resource;
  });
}

function needsOf({ maintenance, name, owner }: AppChange): Need[] {
  return [
    ...(maintenance === undefined ? [] : [OPERATE]),
    ...(name === undefined ? [] : [MANAGE]),
    ...(owner === undefined ? [] : (["owner"] as const)),
  ];
}

function checkStack(stack: string | undefined): void {
  if (stack === undefined || stack === STACK) return;
  throw new AppError("invalid_params", `There is no stack ${JSON.stringify(stack.slice(0, 40))} here.`, {
    hint: `Apps are built and run on the machine itself, which is the stack ${STACK}.`,
  });
}
