/** Counts and groups what is in a log: `logs:stats` and `logs:errors`. Read block by block as it lies there, with the event
 *  loop free in between. */
import type { LogErrors } from "../core/log-errors.ts";
import type { LogStats, StatsBy } from "../core/log-stats.ts";
import { ReleaseTracker, STARTED } from "../core/release-tracker.ts";
import { ErrorFinder } from "../logs/error-finder.ts";
import { StatsCounter } from "../logs/stats.ts";
import type { OpenLogs } from "./read-logs.ts";

export interface TimeRange {
  sinceUs: number | undefined;
  untilUs: number | undefined;
}

export interface StatsRequest extends TimeRange {
  by: StatsBy | undefined;
  everyMinutes: number | undefined;
}

const MINUTE_US = 60_000_000;
const RELEASES_MAX = 1_000;
/** For processes that are being replaced when the time begins; of older starts the ledger's own times tell enough. */
const LOOK_BACK_US = 25 * 3_600 * 1_000_000;
const STARTS_MAX = 1_000;

/** @throws AppError invalid_params for too many intervals. */
export async function countLogs(source: OpenLogs, request: StatsRequest, signal: AbortSignal): Promise<LogStats> {
  const { by, everyMinutes, sinceUs, untilUs } = request;
  const tracker = by === "release" ? await trackReleases(source, sinceUs, signal) : new ReleaseTracker();
  const counter = new StatsCounter({ by, everyMinutes }, tracker);
  if (by === undefined || by === "ps" || by === "level") {
    await countByMinutes(source, counter, request, signal);
    return counter.result();
  }
  // Starts of processes tell which release served: they are of all processes.
  const ps = by === "status" || by === "path" ? "router" : undefined;
  for await (const lines of source.logs.read({ ps, sinceUs, untilUs }, signal)) counter.add(lines);
  return counter.result();
}

function wholeMinutes({ sinceUs, untilUs }: TimeRange): [from: number | undefined, to: number | undefined] {
  return [
    sinceUs && Math.ceil(sinceUs / MINUTE_US) * MINUTE_US,
    untilUs && Math.floor(untilUs / MINUTE_US) * MINUTE_US,
  ];
}

/** Lines are counted by the rollups of whole minutes, and read where the time begins or ends within one; of the whole minutes only
 *  what the router says is read. */
async function countByMinutes(
  { logs }: OpenLogs,
  counter: StatsCounter,
  { by, sinceUs, untilUs }: StatsRequest,
  signal: AbortSignal,
): Promise<void> {
  const [from, to] = wholeMinutes({ sinceUs, untilUs });
  const read = async (since: number | undefined, until: number | undefined): Promise<void> => {
    if (since === until && since !== undefined) return;
    for await (const lines of logs.read({ sinceUs: since, untilUs: until }, signal)) counter.add(lines);
  };
  if ((from ?? 0) >= (to ?? Number.POSITIVE_INFINITY)) return read(sinceUs, untilUs);
  if (from !== undefined) await read(sinceUs, from);
  const whole = { sinceUs: from, untilUs: to };
  for await (const minute of logs.countByMinute(whole, signal)) counter.addMinute(minute);
  if (by === undefined)
    for await (const lines of logs.read({ ...whole, ps: "router" }, signal)) counter.addRequests(lines);
  if (to !== undefined) await read(to, untilUs);
}

/** The beginning of the time bounds what is counted, not what is looked at: what was there before is not new. */
export async function groupErrors(
  source: OpenLogs,
  { sinceUs = 0, untilUs, max }: TimeRange & { max: number },
  signal: AbortSignal,
): Promise<LogErrors> {
  const finder = new ErrorFinder(new ReleaseTracker(await madeReleases(source)), sinceUs);
  for await (const lines of source.logs.read({ untilUs }, signal)) finder.add(lines);
  return finder.result(max);
}

/** With the starts of processes that serve when the time begins. */
async function trackReleases(
  source: OpenLogs,
  sinceUs: number | undefined,
  signal: AbortSignal,
): Promise<ReleaseTracker> {
  const tracker = new ReleaseTracker(await madeReleases(source));
  if (sinceUs === undefined) return tracker;
  const before = { source: "heroku", ps: "web", search: STARTED, lines: STARTS_MAX };
  const counter = new StatsCounter({ by: "release", everyMinutes: undefined }, tracker);
  const query = { ...before, sinceUs: Math.max(0, sinceUs - LOOK_BACK_US), untilUs: sinceUs };
  for await (const lines of source.logs.read(query, signal)) counter.add(lines);
  return tracker;
}

/** Oldest first. */
async function madeReleases({ app, isImported }: OpenLogs): Promise<{ us: number; release: number }[]> {
  if (app === undefined || isImported) return [];
  const releases = await app.ledger.list({ max: RELEASES_MAX });
  return releases
    .filter(({ status }) => status === "succeeded")
    .map(({ createdAt, version }) => ({ us: createdAt * 1000, release: version }))
    .toReversed();
}
