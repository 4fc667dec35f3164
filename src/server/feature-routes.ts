/** /apps/A/features: the switches among an app's settings, in Heroku's shape. */
import type { FastifyInstance } from "fastify";
import type { App } from "../platform/app.ts";
import { findFeature, listFeatures, setFeature, type Feature } from "../platform/features.ts";
import type { Platform } from "../platform/platform.ts";
import type { AppParams } from "./app-routes.ts";
import { callerOf } from "./caller.ts";
import { idOf, iso, type Resource } from "./resources.ts";

type FeatureParams = AppParams & { name: string };

const switchBody = {
  type: "object",
  required: ["enabled"],
  examples: [{ enabled: true }],
  properties: { enabled: { type: "boolean" } },
} as const;

export function featureRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams }>(
    "/apps/:app/features",
    { schema: { summary: "The settings that are switches" } },
    async (request) => {
      const app = platform.app(request.params.app);
      const at = await creationOf(app);
      return (await listFeatures(app)).map((feature) => featureResource(feature, at));
    },
  );

  server.get<{ Params: FeatureParams }>(
    "/apps/:app/features/:name",
    { schema: { summary: "One of them" } },
    async (request) => {
      const app = platform.app(request.params.app);
      return featureResource(await findFeature(app, request.params.name), await creationOf(app));
    },
  );

  server.patch<{ Params: FeatureParams; Body: { enabled: boolean } }>(
    "/apps/:app/features/:name",
    { schema: { summary: "Turns it on or off", body: switchBody } },
    async (request) => {
      const { app: name, name: feature } = request.params;
      const app = platform.app(name);
      const { enabled } = request.body;
      const changed = await setFeature(platform, app, { name: feature, enabled }, callerOf(request));
      return featureResource(changed, await creationOf(app));
    },
  );
}

/** An app has had its features from its first moment. */
async function creationOf(app: App): Promise<string> {
  return iso((await app.ledger.get(1)).createdAt);
}

function featureResource({ name, description, enabled }: Feature, at: string): Resource {
  return {
    created_at: at,
    description,
    display_name: name,
    doc_url: "",
    enabled,
    feedback_email: "",
    id: idOf("feature", name),
    name,
    state: "general",
    updated_at: at,
  };
}
