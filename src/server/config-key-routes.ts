/** /apps/A/config-vars/actions/rotate-key. No answer ever has a key in it. */
import type { FastifyInstance } from "fastify";
import type { Platform } from "../platform/platform.ts";
import { rotateConfigKey } from "../platform/rotate-config-key.ts";
import type { AppParams } from "./app-routes.ts";
import { answerLive } from "./live-answer.ts";
import { linksOf } from "./links.ts";
import { releaseResources } from "./resources.ts";

export function configKeyRoutes(server: FastifyInstance, platform: Platform): void {
  server.post<{ Params: AppParams }>(
    "/apps/:app/config-vars/actions/rotate-key",
    {
      schema: { summary: "Makes a release with the same vars, encrypted with a new key; header `Git-Heroku-Release`" },
    },
    (request, reply) => {
      const app = platform.app(request.params.app);
      return answerLive(platform, request, reply, async (actor) => {
        const release = await rotateConfigKey(platform, app, actor);
        return {
          status: 201,
          body: (await releaseResources(app, [release], await linksOf(platform, request)))[0],
          release: release.version,
        };
      });
    },
  );
}
