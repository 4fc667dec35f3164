/** /apps/A/log-stats and /apps/A/log-errors: what a log comes to. */
import type { FastifyInstance } from "fastify";
import { parseInterval, parseStatsBy } from "../core/log-stats.ts";
import { countLogs, groupErrors } from "../platform/analyse-logs.ts";
import type { Platform } from "../platform/platform.ts";
import { openLogs } from "../platform/read-logs.ts";
import type { AppParams } from "./app-routes.ts";
import { LOG_PARAMS, readRange, readUpTo, readWhich, schemaOf } from "./log-query.ts";
import { untilGone } from "./until-gone.ts";

const { since, until, trash, imported } = LOG_PARAMS;
const RANGE_PARAMS = { since, until, trash, imported };
const STATS_PARAMS = {
  by: "`ps`, `level`, `release`, `status` or `path`",
  every: "`1m`, `5m`, `1h`, `1d`: whole minutes, hours or days",
};
const ERRORS_PARAMS = { groups: "how many at most: 20, up to 1000" };
type Params = Partial<Record<keyof (typeof RANGE_PARAMS & typeof STATS_PARAMS & typeof ERRORS_PARAMS), string>>;

const GROUPS_USUAL = 20;
const GROUPS_MAX = 1_000;

interface Route {
  Params: AppParams;
  Querystring: Params;
}

export function logAnalysisRoutes(server: FastifyInstance, platform: Platform): void {
  server.get<Route>(
    "/apps/:app/log-stats",
    {
      schema: {
        summary: "[Counts](#counts) of lines and requests",
        querystring: schemaOf({ ...RANGE_PARAMS, ...STATS_PARAMS }),
      },
    },
    async (request, reply) => {
      const { by = "", every = "" } = request.query;
      const asked = {
        by: by === "" ? undefined : parseStatsBy(by),
        everyMinutes: every === "" ? undefined : parseInterval(every),
      };
      const source = await openLogs(platform, request.params.app, readWhich(request));
      const range = await readRange(platform, source.app, request.query);
      return countLogs(source, { ...asked, ...range }, untilGone(reply.raw, platform.closing));
    },
  );

  server.get<Route>(
    "/apps/:app/log-errors",
    {
      schema: {
        summary: "[Similar errors](#similar-errors) together, the most frequent first",
        querystring: schemaOf({ ...RANGE_PARAMS, ...ERRORS_PARAMS }),
      },
    },
    async (request, reply) => {
      const { groups = "" } = request.query;
      const max = groups === "" ? GROUPS_USUAL : readUpTo(groups, GROUPS_MAX, "groups");
      const source = await openLogs(platform, request.params.app, readWhich(request));
      const range = await readRange(platform, source.app, request.query);
      return groupErrors(source, { ...range, max }, untilGone(reply.raw, platform.closing));
    },
  );
}
