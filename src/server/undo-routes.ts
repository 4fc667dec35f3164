/** Taking back one release, and marking releases as bad. */
import type { FastifyInstance } from "fastify";
import { marksOf, markRelease } from "../platform/marks.ts";
import type { Platform } from "../platform/platform.ts";
import { planRevert, revert } from "../platform/revert.ts";
import type { AppParams } from "./app-routes.ts";
import { answerLive } from "./live-answer.ts";
import { callerOf } from "./caller.ts";
import { findRelease, type ReleaseParams } from "./release-routes.ts";
import { linksOf } from "./links.ts";
import { releaseResources } from "./resources.ts";

const revertBody = {
  type: ["object", "null"],
  properties: { dry_run: { type: "boolean", description: "nothing is done: 200 and `{changes}`" } },
} as const;

const markBody = {
  type: "object",
  required: ["bad"],
  examples: [{ bad: "500s on /pay" }],
  properties: { bad: { type: ["string", "null"], maxLength: 10_000, description: "why; null: no mark" } },
} as const;

export function undoRoutes(server: FastifyInstance, platform: Platform): void {
  server.post<{ Params: ReleaseParams; Body: { dry_run?: boolean } | undefined }>(
    "/apps/:app/releases/:release/actions/revert",
    { schema: { summary: "Takes one release back and keeps everything later", body: revertBody } },
    async (request, reply) => {
      const app = platform.app(request.params.app);
      const { version } = await findRelease(app, request.params.release);
      if (request.body?.dry_run === true) return { changes: await planRevert(app, version) };
      return answerLive(platform, request, reply, async (actor) => {
        const { release, changes } = await revert(platform, app, version, actor);
        if (release === undefined) return { body: { changes } };
        const [resource] = await releaseResources(app, [release], await linksOf(platform, request));
        return { status: 201, body: { ...resource, changes }, release: release.version };
      });
    },
  );

  server.get<{ Params: AppParams }>(
    "/apps/:app/marks",
    { schema: { summary: "Releases that somebody called bad, the newest first" } },
    async (request) => [...(await marksOf(platform.app(request.params.app))).values()],
  );

  server.patch<{ Params: ReleaseParams; Body: { bad: string | null } }>(
    "/apps/:app/releases/:release",
    { schema: { summary: "Marks it as bad; null clears the mark", body: markBody } },
    async (request) => {
      const app = platform.app(request.params.app);
      const release = await findRelease(app, request.params.release);
      await markRelease(platform, app, { release, reason: request.body.bad }, callerOf(request));
      const [resource] = await releaseResources(app, [release], await linksOf(platform, request));
      return resource;
    },
  );
}
