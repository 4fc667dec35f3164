/** /apps/A/buildpack-installations: what the next deploy is built with, in Heroku's shape. */
import type { FastifyInstance } from "fastify";
import { listBuildpacks, setBuildpacks } from "../platform/buildpacks.ts";
import type { Platform } from "../platform/platform.ts";
import type { AppParams } from "./app-routes.ts";
import { callerOf } from "./caller.ts";
import type { Resource } from "./resources.ts";

const setBody = {
  type: "object",
  required: ["updates"],
  examples: [{ updates: [{ buildpack: "nodejs" }] }],
  properties: {
    updates: {
      type: "array",
      maxItems: 100,
      items: {
        type: "object",
        required: ["buildpack"],
        properties: { buildpack: { type: "string", maxLength: 1_100, description: "a name or an address" } },
      },
    },
  },
} as const;

interface SetBody {
  updates: { buildpack: string }[];
}

export function buildpackRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams }>(
    "/apps/:app/buildpack-installations",
    { schema: { summary: "What it is built with, in the order in which they run" } },
    async (request) => resources(await listBuildpacks(platform.app(request.params.app))),
  );

  server.put<{ Params: AppParams; Body: SetBody }>(
    "/apps/:app/buildpack-installations",
    { schema: { summary: "Replaces the whole list; `[]` clears it", body: setBody } },
    async (request) => {
      const app = platform.app(request.params.app);
      const texts = request.body.updates.map(({ buildpack }) => buildpack);
      return resources(await setBuildpacks(app, texts, callerOf(request)));
    },
  );
}

function resources(names: readonly string[]): Resource[] {
  return names.map((name, ordinal) => ({ buildpack: { name, url: name }, ordinal }));
}
