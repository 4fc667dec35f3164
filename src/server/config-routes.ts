/** /apps/A/config-vars: read and change; a change that makes a release names it in `Git-Heroku-Release`. */
import type { FastifyInstance } from "fastify";
import type { ConfigChange } from "../core/config-vars.ts";
import type { Platform } from "../platform/platform.ts";
import { readConfig, setConfig } from "../platform/set-config.ts";
import type { AppParams } from "./app-routes.ts";
import { callerOf } from "./caller.ts";

export const RELEASE_HEADER = "git-heroku-release";

const changeBody = {
  type: "object",
  additionalProperties: { type: ["string", "null"] },
  maxProperties: 5000,
} as const;

export function configRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams }>("/apps/:app/config-vars", (request) =>
    readConfig(platform.app(request.params.app)),
  );

  server.patch<{ Params: AppParams; Body: ConfigChange }>(
    "/apps/:app/config-vars",
    // Without coercion: a value must arrive as the string it is.
    { schema: { body: changeBody } },
    async (request, reply) => {
      const app = platform.app(request.params.app);
      const { vars, release } = await setConfig(platform, app, request.body, callerOf(request));
      if (release) void reply.header(RELEASE_HEADER, release.version);
      return vars;
    },
  );
}
