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
  examples: [{ name: "foobaz" }],
  properties: {
    name: { type: "string", maxLength: 200 },
    setup: {
      type: "object",
      description:
        "what an app is made with, as `create --from` has it of an [app.json](app-json.md); what one of these would refuse alone refuses the whole",
      additionalProperties: false,
      properties: {
        config_vars: {
          type: "object",
          additionalProperties: { type: "string" },
          maxProperties: 1_000,
          description: "set by v2",
        },
        formation: {
          type: "object",
          additionalProperties: { type: "integer" },
          maxProperties: 100,
          description: "process type → quantity",
        },
        buildpacks: { type: "array", items: { type: "string", maxLength: 1_100 }, maxItems: 100 },
        settings: { type: "object", additionalProperties: { type: "string", maxLength: 200 }, maxProperties: 50 },
        postdeploy: { type: "string", description: "a command that runs once when the first deploy is launched" },
      },
    },
  },
} as const;

const destroyQuery = {
  type: "object",
  properties: {
    purge: { type: "string", enum: ["true", "false"], description: "nothing of it goes to the trash, it is gone" },
  },
} as const;

const patchBody = {
  type: "object",
  examples: [{ maintenance: true }],
  minProperties: 1,
  properties: {
    maintenance: { type: "boolean" },
    build_stack: { type: "string", maxLength: 100, description: "`host`: there is one" },
    name: { type: "string", maxLength: 100, description: "see [Rename](#rename)" },
    owner: { type: "string", maxLength: 320, description: "whose it is to be: an address" },
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
  examples: [{ preboot: "off" }],
  additionalProperties: { type: ["string", "null"], maxLength: 200 },
  minProperties: 1,
  maxProperties: 50,
} as const;

export function appRoutes(server: FastifyInstance, platform: Platform): void {
  server.get("/apps", { schema: { summary: "Those that the caller may see, by name" } }, async (request) => {
    const apps = await visibleApps(platform, visitorOf(request));
    return Promise.all(apps.map((app) => appResource(platform, app, request)));
  });

  server.post<{ Body: NewApp | undefined }>(
    "/apps",
    { schema: { summary: "Makes an app; without a name one is made up", body: createBody } },
    async (request, reply) => {
      const app = await createApp(platform, request.body ?? {}, callerOf(request));
      void reply.status(201);
      return appResource(platform, app, request);
    },
  );

  server.get<{ Params: AppParams }>("/apps/:app", { schema: { summary: "One app" } }, (request) =>
    appResource(platform, platform.app(request.params.app), request),
  );

  server.patch<{ Params: AppParams; Body: AppChange }>(
    "/apps/:app",
    {
      schema: {
        summary: "Maintenance wants `operate`, another name `manage`, another owner the owner",
        body: patchBody,
      },
    },
    async (request) => {
      const app = platform.app(request.params.app);
      const { maintenance, build_stack: stack, name, owner } = request.body;
      checkStack(stack);
      for (const need of needsOf(request.body)) await demand(platform, request, app, need);
      if (owner !== undefined) await transferApp(platform, app, owner, callerOf(request));
      if (maintenance !== undefined) await setMaintenance(platform, app, maintenance, callerOf(request));
      if (name === undefined) return appResource(platform, app, request);
      return appResource(platform, await renameApp(platform, app, name, callerOf(request)), request);
    },
  );

  server.delete<{ Params: AppParams; Querystring: { purge?: string } }>(
    "/apps/:app",
    { schema: { summary: "Destroys it, and answers it as it was; it is in the trash", querystring: destroyQuery } },
    async (request) => {
      const app = platform.app(request.params.app);
      const resource = await appResource(platform, app, request);
      await destroyApp(platform, app, callerOf(request), { purge: request.query.purge === "true" });
      return resource;
    },
  );

  settings(server, platform);
}

function settings(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams }>(
    "/apps/:app/settings",
    { schema: { summary: "Every setting in force, name → text" } },
    (request) => readSettingTexts(platform.app(request.params.app)),
  );

  server.patch<{ Params: AppParams; Body: Record<string, string | null> }>(
    "/apps/:app/settings",
    {
      schema: {
        summary: "Changes those that are named; null: the default; answers all of them afterwards",
        body: settingsBody,
      },
    },
    async (request) => {
      const app = platform.app(request.params.app);
      await changeSettings(platform, app, request.body, callerOf(request));
      return readSettingTexts(app);
    },
  );
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
