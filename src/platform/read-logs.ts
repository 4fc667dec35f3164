/** Logs as people ask for them: the stream of an app, of one that was destroyed, or one that was imported, and times that
 *  may be releases. */
import { join } from "node:path";
import { AppError } from "../core/error.ts";
import { parseStamp } from "../core/log-line.ts";
import { formatVersion, type Release } from "../core/release.ts";
import { parseTimePoint } from "../core/time-point.ts";
import { StoredLogs } from "../logs/stored-logs.ts";
import type { App } from "./app.ts";
import { trashOf } from "./destroy-app.ts";
import { exists } from "./home.ts";
import { openImport } from "./import-logs.ts";
import type { Platform } from "./platform.ts";

export type { LogQuery, LogRest, TailQuery } from "../logs/log-store.ts";

/** The live log unless one of these is given. */
export interface WhichLog {
  /** That of the last destroyed app of the name. */
  trash: boolean;
  /** One that was imported for the app. */
  imported: string | undefined;
}

/** A minute: then the line of a release is there, or was lost. */
const TOLD_WITHIN_US = 60_000_000;
/** Where a stored line has its time. */
const [STAMP_AT, STAMP_END] = [7, 34];

export interface OpenLogs {
  /** Undefined for one that was destroyed, whose releases are not at hand. */
  app: App | undefined;
  logs: Pick<StoredLogs, "read" | "count" | "countByMinute" | "processNames">;
  isImported: boolean;
}

/** @throws AppError not_found when there is no such app or log. */
export async function openLogs(platform: Platform, name: string, { trash, imported }: WhichLog): Promise<OpenLogs> {
  if (trash) return { app: undefined, logs: await openTrashedLogs(platform, name), isImported: false };
  const app = platform.app(name);
  if (imported === undefined) return { app, logs: app.logs, isImported: false };
  return { app, logs: await openImport(platform, app, imported), isImported: true };
}

/** The log of the last destroyed app of this name that is still kept.
 *  @throws AppError not_found */
async function openTrashedLogs(platform: Platform, name: string): Promise<StoredLogs> {
  for (const dir of (await trashOf(platform.home, name)).toReversed()) {
    const logs = join(dir, "logs");
    if (await exists(logs)) return StoredLogs.open(logs);
  }
  throw new AppError("not_found", `There is no log of a destroyed app ${JSON.stringify(name.slice(0, 40))}.`, {
    hint: "What was destroyed is kept for 7 days.",
  });
}

/** Microseconds since the epoch. Times without a zone are in UTC, as the log shows them.
 *  @param app undefined for one that was destroyed, whose releases are not at hand.
 *  @throws AppError invalid_params for what is no time, not_found for a release that is not there. */
export async function resolveTime(platform: Platform, app: App | undefined, text: string): Promise<number> {
  const point = parseTimePoint(text, { now: platform.clock.now(), zoneMinutes: 0 });
  if (point.kind === "moment") return point.us;
  if (app !== undefined) return releaseMoment(app, await app.ledger.get(point.version));
  throw new AppError("invalid_params", `${formatVersion(point.version)} is no time for a destroyed app.`, {
    hint: `Name the time itself, or ask for the lines of that release: --release ${formatVersion(point.version)}.`,
  });
}

/** The ledger knows the second of a release, in which there may be others. The log, where it still has it, knows the line that first
 *  tells of it: what was changed, as `Config add FOO`, in front of `Release v11 created`. */
async function releaseMoment({ logs, ending }: App, { version, createdAt }: Release): Promise<number> {
  const sinceUs = createdAt * 1000;
  const told = new RegExp(
    `,"msg":"(Running release v${String(version)} commands|Release v${String(version)} (created|failed))\\b`,
  );
  const query = { ps: "api", source: "heroku", sinceUs, untilUs: sinceUs + TOLD_WITHIN_US };
  let before: string | undefined;
  for await (const piece of logs.read(query, ending)) {
    for (const line of piece.toString().split("\n").slice(0, -1)) {
      if (told.test(line)) return parseStamp((before ?? line).slice(STAMP_AT, STAMP_END)) ?? sinceUs;
      before = line;
    }
  }
  return sinceUs;
}
