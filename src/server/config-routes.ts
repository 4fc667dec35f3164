/** /apps/A/config-vars: read and change; a change that makes a release names it in `Git-Heroku-Release`. A client that
 *  changes what it has read names the release it read in `Git-Heroku-Since`. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { ConfigChange } from "../core/config-vars.ts";
import { parseVersion } from "../core/release.ts";
import type { Platform } from "../platform/platform.ts";
import { readConfig, setConfigSince } from "../platform/set-config.ts";
import type { AppParams } from "./app-routes.ts";
import { answerLive } from "./live-answer.ts";

const SINCE_HEADER = "git-heroku-since";

const changeBody = {
  type: "object",
  examples: [{ A: "1", B: null }],
  additionalProperties: { type: ["string", "null"] },
  maxProperties: 5000,
} as const;

export function configRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams }>(
    "/apps/:app/config-vars",
    { schema: { summary: "The current config vars, name → value" } },
    (request) => readConfig(platform.app(request.params.app)),
  );

  server.patch<{ Params: AppParams; Body: ConfigChange }>(
    "/apps/:app/config-vars",
    // Without coercion: a value must arrive as the string it is.
    {
      schema: {
        summary: "Sets those that are named, null removes; answers all of them afterwards; header `Git-Heroku-Release`",
        body: changeBody,
      },
    },
    (request, reply) => {
      const app = platform.app(request.params.app);
      const asked = { change: request.body, since: sinceOf(request) };
      return answerLive(platform, request, reply, async (actor) => {
        const { vars, release } = await setConfigSince(platform, app, asked, actor);
        return { body: vars, release: release?.version };
      });
    },
  );
}

/** @throws AppError invalid_params when it is no version. */
function sinceOf(request: FastifyRequest): number | undefined {
  const header = request.headers[SINCE_HEADER];
  return header === undefined ? undefined : parseVersion(String(header));
}
