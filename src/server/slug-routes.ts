/** /apps/A/slugs: what the slug store holds, and /apps/A/disk: what an app takes. */
import type { FastifyInstance } from "fastify";
import type { Platform } from "../platform/platform.ts";
import { describeSlugs, diskUseOf, type SlugInfo } from "../platform/slugs.ts";
import type { AppParams } from "./app-routes.ts";
import { iso, type Resource } from "./resources.ts";

const listQuery = { type: "object", properties: { verify: { enum: ["true", "false"] } } } as const;

export function slugRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams; Querystring: { verify?: string } }>(
    "/apps/:app/slugs",
    { schema: { querystring: listQuery } },
    async (request) => {
      const app = platform.app(request.params.app);
      const slugs = await describeSlugs(platform, app, { verify: request.query.verify === "true" });
      return slugs.map(slugResource);
    },
  );

  server.get<{ Params: AppParams }>("/apps/:app/disk", async (request) =>
    diskUseOf(platform, platform.app(request.params.app)),
  );
}

function slugResource(slug: SlugInfo): Resource {
  return {
    id: slug.id,
    created_at: iso(slug.builtAt),
    buildpack_provided_description: slug.detected,
    size: slug.sizeBytes,
    own_size: slug.ownBytes,
    checksum: slug.sum === undefined ? null : `SHA256:${slug.sum}`,
    locked: slug.locked === true,
    releases: slug.releases,
    running: slug.isRunning,
    intact: slug.isIntact ?? null,
  };
}
