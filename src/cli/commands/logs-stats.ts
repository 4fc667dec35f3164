/** `git heroku logs:stats` */
import { parseInterval, parseStatsBy, STATS_BY, type LogStats } from "../../core/log-stats.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";
import { filterWords, RANGE_OPTIONS, readFilters, TIME_WORDS, WHICH_OPTIONS } from "../log-filters.ts";
import { formatStats } from "../stats-text.ts";
import { Terminal, usesUnicode } from "../terminal.ts";

const COLUMNS_USUAL = 120;

export const logsStats: Command = {
  name: "logs:stats",
  topic: "Logs",
  summary: "Count log lines and requests over time",
  details: `By ps and level lines are counted; by release, status and path requests, as the router tells them: how many, the share answered with 5xx or a code of the router, and how long they took (p50: half of them took no longer). Releases are compared with the one before. All that is kept counts, unless --since says from when on. ${TIME_WORDS}`,
  options: [
    ...APP_OPTIONS,
    { name: "by", value: "WHAT", completes: STATS_BY, summary: STATS_BY.join(", ") },
    ...RANGE_OPTIONS,
    { name: "every", value: "TIME", summary: "how long an interval is, such as 1m, 5m or 1h" },
    ...WHICH_OPTIONS,
    JSON_OPTION,
    { name: "no-color", summary: "no colours, also on a terminal" },
  ],
  examples: [
    { command: "git heroku logs:stats --since 1h", summary: "how much, and how fast" },
    { command: "git heroku logs:stats --by release", summary: "did v74 slow it down" },
    { command: "git heroku logs:stats --by path --since v74", summary: "which pages are slow" },
    { command: "git heroku logs:stats --by ps --every 1m --json", summary: "for programs" },
  ],
  async run(context) {
    const { args, client, world } = context;
    const { since, until, trash, imported } = readFilters(logsStats, args);
    const [by, every] = ["by", "every"].map((name) => args.value(name));
    checkWords(by, every);
    const app = context.app();
    const stats = await client.logStats(app, { by, every, since, until, trash: trash === true, imported });
    const out = args.has("no-color") ? Terminal.plain(world) : context.out;
    if (args.has("json")) return out.json(stats);
    if (isEmpty(stats)) {
      out.warn(nothingCounted(stats, app, filterWords(args)));
      return undefined;
    }
    const columns = (world.stdout.isTTY === true ? world.stdout.columns : undefined) ?? COLUMNS_USUAL;
    return out.write(formatStats(stats, { columns, unicode: usesUnicode(world.env) }));
  },
};

/** @throws AppError invalid_params, before anything is asked. */
function checkWords(by: string | undefined, every: string | undefined): void {
  if (by !== undefined) parseStatsBy(by);
  if (every !== undefined) parseInterval(every);
}

function isEmpty({ from, by, groups }: LogStats): boolean {
  return from === null || (by !== null && groups.length === 0);
}

function nothingCounted({ by, requests }: LogStats, app: string, words: string): string {
  const what = by !== null && requests !== null ? "requests" : "log lines";
  return words === "" ? `${app} has no ${what} yet.` : `No ${what} match${words}.`;
}
