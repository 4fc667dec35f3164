/** /apps/A/limits: what the processes of each type may use. */
import type { FastifyInstance } from "fastify";
import { LIMIT_FIELDS, LIMIT_NAMES, type LimitTexts } from "../core/limits.ts";
import { readLimitTexts, setLimits } from "../platform/limits.ts";
import type { Platform } from "../platform/platform.ts";
import type { AppParams } from "./app-routes.ts";
import { callerOf } from "./caller.ts";

type TypeParams = AppParams & { type: string };

const limitsBody = {
  type: "object",
  minProperties: 1,
  examples: [{ memory: "512MB" }],
  additionalProperties: false,
  properties: Object.fromEntries(
    Object.values(LIMIT_FIELDS).map((field) => [field, { type: ["string", "null"], maxLength: 40 }]),
  ),
} as const;

type LimitsBody = Partial<Record<(typeof LIMIT_FIELDS)[keyof typeof LIMIT_FIELDS], string | null>>;

export function limitRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<{ Params: AppParams }>(
    "/apps/:app/limits",
    { schema: { summary: "What processes may use, by type" } },
    async (request) => {
      const texts = await readLimitTexts(platform.app(request.params.app));
      return [...texts].map(([type, own]) => limitsResource(type, own));
    },
  );

  server.patch<{ Params: TypeParams; Body: LimitsBody }>(
    "/apps/:app/limits/:type",
    { schema: { summary: "Changes the limits that are named; null: none", body: limitsBody } },
    async (request) => {
      const { app: name, type } = request.params;
      const app = platform.app(name);
      const named = LIMIT_NAMES.filter((name) => LIMIT_FIELDS[name] in request.body);
      const change: LimitTexts = Object.fromEntries(named.map((name) => [name, request.body[LIMIT_FIELDS[name]]]));
      await setLimits(platform, app, { type, change }, callerOf(request));
      return limitsResource(type, (await readLimitTexts(app)).get(type) ?? {});
    },
  );
}

function limitsResource(type: string, texts: LimitTexts): Record<string, unknown> {
  const fields = LIMIT_NAMES.map((name) => [LIMIT_FIELDS[name], texts[name] ?? null]);
  return { type, ...Object.fromEntries(fields) };
}
