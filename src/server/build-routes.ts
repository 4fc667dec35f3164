/** /apps/A/builds: each attempt to build, what it printed, and its end by hand. */
import type { FastifyInstance } from "fastify";
import { idOfObject, type App } from "../platform/app.ts";
import type { BuildRecord } from "../platform/builds.ts";
import { cancelBuild } from "../platform/cancel-build.ts";
import type { Platform } from "../platform/platform.ts";
import { redeploy } from "../platform/redeploy.ts";
import type { AppParams } from "./app-routes.ts";
import { callerOf } from "./caller.ts";
import { answerLive } from "./live-answer.ts";
import { linksOf, type Links } from "./links.ts";
import { findRelease } from "./release-routes.ts";
import { GENERATION, iso, named, person, releaseResources, slugId, STACK, type Resource } from "./resources.ts";

export interface BuildParams extends AppParams {
  build: string;
}

const redeployBody = {
  type: ["object", "null"],
  examples: [{ release: "73" }],
  properties: { release: { type: "string", maxLength: 100 } },
} as const;

export function buildRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams }>(
    "/apps/:app/builds",
    { schema: { summary: "What was built, or was to be, newest first" } },
    async (request) => {
      const app = platform.app(request.params.app);
      const [records, links] = await Promise.all([app.builds.list(), linksOf(platform, request)]);
      return Promise.all(records.map((record) => buildResource(platform, app, record, links)));
    },
  );

  server.get<{ Params: BuildParams }>(
    "/apps/:app/builds/:build",
    { schema: { summary: "One build; BUILD is an id or its beginning, `newest` or `running`" } },
    async (request) => {
      const app = platform.app(request.params.app);
      return buildResource(
        platform,
        app,
        await app.builds.find(request.params.build),
        await linksOf(platform, request),
      );
    },
  );

  server.post<{ Params: AppParams; Body: { release?: string } | undefined }>(
    "/apps/:app/releases/actions/redeploy",
    { schema: { summary: "Builds the code of that release, or of the current one, again", body: redeployBody } },
    async (request, reply) => {
      const app = platform.app(request.params.app);
      const wanted = request.body?.release;
      const from = wanted === undefined ? undefined : await findRelease(app, wanted);
      return answerLive(platform, request, reply, async (actor) => {
        const release = await redeploy(platform, app, from, actor);
        const [resource] = await releaseResources(app, [release], await linksOf(platform, request));
        return { status: 201, body: { ...resource }, release: release.version };
      });
    },
  );

  server.delete<{ Params: BuildParams }>(
    "/apps/:app/builds/:build",
    { schema: { summary: "Cancels it, and answers it as it was" } },
    async (request) => {
      const app = platform.app(request.params.app);
      const cancelled = await cancelBuild(app, request.params.build, callerOf(request));
      return buildResource(platform, app, cancelled, await linksOf(platform, request));
    },
  );
}

export async function buildResource(
  platform: Platform,
  app: App,
  record: BuildRecord,
  links: Links,
): Promise<Resource> {
  const { id, by, status, startedAt, endedAt, reason, detected, slug } = record;
  const commit = record.commit === "" ? null : record.commit;
  return {
    app: { id: app.id },
    buildpacks: null,
    created_at: iso(startedAt),
    generation: named("generation", GENERATION),
    id,
    output_stream_url: links.buildOutput(app, id),
    release: await releaseOf(app, record),
    slug: slug === null || commit === null ? null : { id: slugId(commit) },
    // Also what was uploaded is a commit of the repository.
    source_blob: { ...describeSource(record), url: platform.home.repo(app.name) },
    stack: STACK,
    status,
    updated_at: iso(endedAt ?? startedAt),
    user: person(by),
    commit,
    detected,
    ended_at: endedAt === null ? null : iso(endedAt),
    reason,
  };
}

function describeSource({ commit, source }: BuildRecord): Resource {
  const { version, description, checksum } = source ?? { version: null, description: null, checksum: null };
  return { checksum, version: version ?? (commit === "" ? null : commit), version_description: description };
}

async function releaseOf(app: App, { release: version }: BuildRecord): Promise<Resource | null> {
  const head = await app.ledger.head();
  if (version === null || version > (head?.version ?? 0)) return null;
  return { id: idOfObject((await app.ledger.get(version)).oid), version };
}
