/** /apps/A/slugs: what the slug store holds, the slug of a release in Heroku's shape, and /apps/A/disk: what an app takes. */
import { pathToFileURL } from "node:url";
import type { FastifyInstance } from "fastify";
import { AppError } from "../core/error.ts";
import { parseProcfile } from "../core/procfile.ts";
import type { Release } from "../core/release.ts";
import type { App } from "../platform/app.ts";
import type { Platform } from "../platform/platform.ts";
import { findReleaseOfSlug } from "../platform/release-slugs.ts";
import { describeSlugs, diskUseOf, type SlugInfo } from "../platform/slugs.ts";
import type { AppParams } from "./app-routes.ts";
import { iso, named, slugId, STACK, type Resource } from "./resources.ts";

const listQuery = {
  type: "object",
  properties: { verify: { enum: ["true", "false"], description: "reads every file, which may take seconds" } },
} as const;

export function slugRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams; Querystring: { verify?: string } }>(
    "/apps/:app/slugs",
    { schema: { summary: "What was built and is kept, newest first", querystring: listQuery } },
    async (request) => {
      const app = platform.app(request.params.app);
      const slugs = await describeSlugs(platform, app, { verify: request.query.verify === "true" });
      return slugs.map(slugResource);
    },
  );

  server.get<{ Params: AppParams & { name: string } }>(
    "/apps/:app/slugs/:name",
    { schema: { summary: "The slug of a release, by the id that it names" } },
    async (request) => {
      const app = platform.app(request.params.app);
      return releaseSlugResource(app, await findReleaseOfSlug(app, request.params.name));
    },
  );

  server.post<{ Params: AppParams }>(
    "/apps/:app/slugs",
    { schema: { summary: "422: slugs are built here" } },
    (request) => {
      platform.app(request.params.app);
      throw new AppError("invalid_params", "A slug is built here, and cannot be uploaded.", {
        hint: "Push the code, or upload it: POST /sources, then POST /apps/APP/builds.",
      });
    },
  );

  server.get<{ Params: AppParams }>(
    "/apps/:app/disk",
    { schema: { summary: "What the app takes of the disk, in bytes" } },
    async (request) => diskUseOf(platform, platform.app(request.params.app)),
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

async function releaseSlugResource(app: App, release: Release): Promise<Resource> {
  const { code = "", version, createdAt } = release;
  const [{ procfile = "" }, subject] = await Promise.all([
    app.ledger.snapshot(release),
    app.ledger.history.subject(code),
  ]);
  const slug = app.slugs.get(version);
  return {
    blob: { method: "get", url: slug === undefined ? null : pathToFileURL(slug.dir).href },
    buildpack_provided_description: slug?.detected ?? null,
    checksum: null,
    commit: code,
    commit_description: subject,
    created_at: iso(createdAt),
    deleted_at: null,
    id: slugId(code),
    process_types: Object.fromEntries(parseProcfile(procfile)),
    size: slug?.sizeBytes ?? null,
    stack: named("stack", STACK),
    updated_at: iso(createdAt),
  };
}
