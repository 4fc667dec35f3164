/** /app-setups: an app made of an archive by what its app.json says. A set-up has the id of its app, and what has become of it
 *  is what has become of the app's first build. */
import type { FastifyInstance } from "fastify";
import type { App } from "../platform/app.ts";
import type { Platform } from "../platform/platform.ts";
import { setUpFromArchive } from "../platform/set-up-from-archive.ts";
import type { AppParams } from "./app-routes.ts";
import { callerOf } from "./caller.ts";
import { linksOf, type Links } from "./links.ts";
import { iso, named, type Resource } from "./resources.ts";
import { archiveOf, sourceBlob, type SourceBlob } from "./source-routes.ts";

interface SetupBody {
  source_blob: SourceBlob;
  app?: { name?: string | null } | null;
  overrides?: { env?: Record<string, string> | null; buildpacks?: { url: string }[] | null } | null;
}

const body = {
  type: "object",
  required: ["source_blob"],
  examples: [{ source_blob: { url: "…" }, app: { name: "foobaz" } }],
  properties: {
    source_blob: sourceBlob,
    app: {
      type: ["object", "null"],
      properties: { name: { type: ["string", "null"], maxLength: 100, description: "else one is made up" } },
    },
    overrides: {
      type: ["object", "null"],
      properties: {
        env: {
          type: ["object", "null"],
          additionalProperties: { type: "string" },
          description: "goes before what app.json says",
        },
        buildpacks: {
          type: ["array", "null"],
          maxItems: 100,
          description: "used instead of those of app.json",
          items: { type: "object", required: ["url"], properties: { url: { type: "string", maxLength: 4_000 } } },
        },
      },
    },
  },
} as const;

export function appSetupRoutes(server: FastifyInstance, platform: Platform): void {
  server.post<{ Body: SetupBody }>(
    "/app-setups",
    { schema: { summary: "Makes an app of an archive, by its app.json", body } },
    async (request, reply) => {
      const { source_blob: blob, app: wanted, overrides } = request.body;
      const order = {
        archive: archiveOf(blob),
        name: wanted?.name ?? undefined,
        env: overrides?.env ?? {},
        buildpacks: overrides?.buildpacks?.map(({ url }) => url),
      };
      const app = await setUpFromArchive(platform, order, callerOf(request));
      void reply.status(202);
      return setupResource(app, await linksOf(platform, request));
    },
  );

  server.get<{ Params: AppParams }>(
    "/app-setups/:app",
    { schema: { summary: "How far that is; APP is the app's name or id" } },
    async (request) => setupResource(platform.app(request.params.app), await linksOf(platform, request)),
  );
}

async function setupResource(app: App, links: Links): Promise<Resource> {
  const first = await app.ledger.get(1);
  const build = (await app.builds.list()).at(-1);
  // Its making and the record of its build are two steps.
  const lost = "the platform stopped before its build began";
  return {
    app: named("app", app.name),
    build:
      build === undefined
        ? null
        : { id: build.id, output_stream_url: links.buildOutput(app, build.id), status: build.status },
    created_at: iso(first.createdAt),
    failure_message: build === undefined ? lost : build.reason,
    id: app.id,
    manifest_errors: [],
    postdeploy: null,
    resolved_success_url: null,
    status: build?.status ?? "failed",
    updated_at: iso(build?.endedAt ?? build?.startedAt ?? first.createdAt),
  };
}
