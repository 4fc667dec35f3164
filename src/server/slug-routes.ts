/** /apps/A/slugs: what was built of the code of each release. A slug's id is made of the commit's, as in the releases. */
import { pathToFileURL } from "node:url";
import type { FastifyInstance } from "fastify";
import { AppError } from "../core/error.ts";
import { parseProcfile } from "../core/procfile.ts";
import type { Release } from "../core/release.ts";
import type { App } from "../platform/app.ts";
import type { Platform } from "../platform/platform.ts";
import { findReleaseOfSlug, listSlugs } from "../platform/slugs.ts";
import type { AppParams } from "./app-routes.ts";
import { iso, named, slugId, STACK, type Resource } from "./resources.ts";

export function slugRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams }>("/apps/:app/slugs", async (request) => {
    const app = platform.app(request.params.app);
    return Promise.all((await listSlugs(app)).map((release) => slugResource(app, release)));
  });

  server.get<{ Params: AppParams & { name: string } }>("/apps/:app/slugs/:name", async (request) => {
    const app = platform.app(request.params.app);
    return slugResource(app, await findReleaseOfSlug(app, request.params.name));
  });

  server.post<{ Params: AppParams }>("/apps/:app/slugs", (request) => {
    platform.app(request.params.app);
    throw new AppError("invalid_params", "A slug is built here, and cannot be uploaded.", {
      hint: "Push the code, or upload it: POST /sources, then POST /apps/APP/builds.",
    });
  });
}

async function slugResource(app: App, release: Release): Promise<Resource> {
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
