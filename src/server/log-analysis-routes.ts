/** /apps/A/log-stats and /apps/A/log-errors: what a log comes to. */
import type { FastifyInstance } from "fastify";
import { AppError } from "../core/error.ts";
import { parseInterval, parseStatsBy } from "../core/log-stats.ts";
import { countLogs, groupErrors } from "../platform/analyse-logs.ts";
import type { Platform } from "../platform/platform.ts";
import { openLogs } from "../platform/read-logs.ts";
import type { AppParams } from "./app-routes.ts";
import { readRange, readWhich } from "./log-query.ts";
import { untilGone } from "./until-gone.ts";

const PARAMS = ["since", "until", "trash", "imported", "by", "every", "groups"] as const;
type Params = Partial<Record<(typeof PARAMS)[number], string>>;

const schema = {
  querystring: { type: "object", properties: Object.fromEntries(PARAMS.map((name) => [name, { type: "string" }])) },
} as const;

const GROUPS_USUAL = 20;
const GROUPS_MAX = 1_000;

interface Route {
  Params: AppParams;
  Querystring: Params;
}

export function logAnalysisRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<Route>("/apps/:app/log-stats", { schema }, async (request, reply) => {
    const { by = "", every = "" } = request.query;
    const asked = {
      by: by === "" ? undefined : parseStatsBy(by),
      everyMinutes: every === "" ? undefined : parseInterval(every),
    };
    const source = await openLogs(platform, request.params.app, readWhich(request.query));
    const range = await readRange(platform, source.app, request.query);
    return countLogs(source, { ...asked, ...range }, untilGone(reply.raw, platform.closing));
  });

  server.get<Route>("/apps/:app/log-errors", { schema }, async (request, reply) => {
    const max = readGroups(request.query.groups);
    const source = await openLogs(platform, request.params.app, readWhich(request.query));
    const range = await readRange(platform, source.app, request.query);
    return groupErrors(source, { ...range, max }, untilGone(reply.raw, platform.closing));
  });
}

/** What is over the limit counts as the limit. */
function readGroups(text = ""): number {
  if (text === "") return GROUPS_USUAL;
  if (/^\d{1,9}$/.test(text)) return Math.min(Number(text), GROUPS_MAX);
  throw new AppError("invalid_params", `${JSON.stringify(text.slice(0, 20))} is not a number of groups.`);
}
