/** /apps/A/builds: each attempt to build, what it printed, and its end by hand. */
import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { AppError } from "../core/error.ts";
import { idOfObject, type App } from "../platform/app.ts";
import type { BuildRecord } from "../platform/builds.ts";
import { cancelBuild } from "../platform/cancel-build.ts";
import type { Platform } from "../platform/platform.ts";
import { redeploy } from "../platform/redeploy.ts";
import type { AppParams } from "./app-routes.ts";
import { callerOf } from "./caller.ts";
import { answerLive } from "./live-answer.ts";
import { TEXT } from "./output-routes.ts";
import { findRelease } from "./release-routes.ts";
import { idOf, iso, releaseResources, type Resource } from "./resources.ts";
import { untilGone } from "./until-gone.ts";

interface BuildParams extends AppParams {
  build: string;
}

const redeployBody = {
  type: ["object", "null"],
  properties: { release: { type: "string", maxLength: 100 } },
} as const;

export function buildRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams }>("/apps/:app/builds", async (request) => {
    const app = platform.app(request.params.app);
    const records = await app.builds.list();
    return Promise.all(records.map((record) => buildResource(app, record)));
  });

  server.get<{ Params: BuildParams }>("/apps/:app/builds/:build", async (request) => {
    const app = platform.app(request.params.app);
    return buildResource(app, await app.builds.find(request.params.build));
  });

  server.get<{ Params: BuildParams }>("/apps/:app/builds/:build/output", async (request, reply) => {
    const app = platform.app(request.params.app);
    const { id } = await app.builds.find(request.params.build);
    const output = await app.builds.follow(id, untilGone(reply.raw, platform.closing));
    if (output === undefined) throw new AppError("not_found", `The output of the build ${id.slice(0, 8)} is not kept.`);
    return reply.type(TEXT).send(Readable.from(output, { objectMode: false }));
  });

  server.post<{ Params: AppParams; Body: { release?: string } | undefined }>(
    "/apps/:app/releases/actions/redeploy",
    { schema: { body: redeployBody } },
    async (request, reply) => {
      const app = platform.app(request.params.app);
      const wanted = request.body?.release;
      const from = wanted === undefined ? undefined : await findRelease(app, wanted);
      return answerLive(platform, request, reply, async (actor) => {
        const release = await redeploy(platform, app, from, actor);
        const [resource] = await releaseResources(app, [release]);
        return { status: 201, body: { ...resource }, release: release.version };
      });
    },
  );

  server.delete<{ Params: BuildParams }>("/apps/:app/builds/:build", async (request) => {
    const app = platform.app(request.params.app);
    return buildResource(app, await cancelBuild(app, request.params.build, callerOf(request)));
  });
}

async function buildResource(app: App, record: BuildRecord): Promise<Resource> {
  const { id, commit, by, status, startedAt, endedAt, reason, detected, slug, release } = record;
  const head = await app.ledger.head();
  const isMade = release !== null && release <= (head?.version ?? 0);
  return {
    app: { id: app.id },
    buildpacks: null,
    created_at: iso(startedAt),
    id,
    output_stream_url: `/apps/${app.name}/builds/${id}/output`,
    release: isMade ? { id: idOfObject((await app.ledger.get(release)).oid), version: release } : null,
    slug: slug === null ? null : { id: idOf("slug", slug) },
    source_blob: { checksum: null, url: null, version: commit, version_description: null },
    stack: "host",
    status,
    updated_at: iso(endedAt ?? startedAt),
    user: { email: by, id: idOf("person", by) },
    commit,
    detected,
    ended_at: endedAt === null ? null : iso(endedAt),
    reason,
  };
}
