/** /apps/A/config-vars/actions/rotate-key. No answer ever has a key in it. */
import type { FastifyInstance } from "fastify";
import type { Platform } from "../platform/platform.ts";
import { rotateConfigKey } from "../platform/rotate-config-key.ts";
import type { AppParams } from "./app-routes.ts";
import { callerOf } from "./caller.ts";
import { RELEASE_HEADER } from "./config-routes.ts";
import { releaseResource } from "./resources.ts";

export function configKeyRoutes(server: FastifyInstance, platform: Platform): void {
  server.post<{ Params: AppParams }>("/apps/:app/config-vars/actions/rotate-key", async (request, reply) => {
    const app = platform.app(request.params.app);
    const release = await rotateConfigKey(platform, app, callerOf(request));
    void reply.status(201).header(RELEASE_HEADER, release.version);
    return releaseResource(app, release, release);
  });
}
