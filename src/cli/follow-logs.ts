/** `logs --tail`: goes on when the daemon was away, from the place that the stream told last. Lines are printed when
 *  their place is known, and places come with their lines: so none is missing and none comes twice. */
import { setTimeout as sleep } from "node:timers/promises";
import { Unreachable, type StreamedAnswer } from "../api/line.ts";
import type { FoundLines, LogQuery } from "../api/log-resources.ts";
import { AppError } from "../core/error.ts";
import type { Context } from "./command.ts";
import { livePieces, type LivePiece } from "./stored-lines.ts";

const PAUSE_FIRST_MS = 100;
const PAUSE_LAST_MS = 1_000;

export interface Follower {
  context: Context;
  app: string;
  query: LogQuery;
  print(found: FoundLines): Promise<unknown>;
  /** Nothing comes behind these lines. Without it, it ends only by an error, or with the process. */
  isLast?: (lines: Buffer) => boolean;
}

/** @throws AppError when the app is gone, or what was asked cannot be answered. */
export async function followLogs(follower: Follower): Promise<undefined> {
  const { context, app, query } = follower;
  let after: string | undefined;
  let stream = await context.client.logs(app, query);
  for (;;) {
    const end = await printUntilItEnds(follower, stream);
    if (end.isLast) return undefined;
    after = end.after ?? after;
    stream = await reconnect(follower, after === undefined ? query : { ...query, after });
  }
}

interface End {
  isLast: boolean;
  /** The last place that was told, when there was one. */
  after: string | undefined;
}

async function printUntilItEnds(follower: Follower, stream: StreamedAnswer): Promise<End> {
  const pieces = livePieces(stream);
  let after: string | undefined;
  for (;;) {
    const piece = await nextPiece(pieces);
    if (piece === undefined) return { isLast: false, after };
    if (piece.lines.length > 0) await follower.print({ lines: piece.lines, areOurs: false });
    after = piece.cursor;
    if (follower.isLast?.(piece.lines) !== true) continue;
    await pieces.return();
    return { isLast: true, after };
  }
}

/** Undefined when the stream is over, however it ended. */
async function nextPiece(pieces: AsyncGenerator<LivePiece, void>): Promise<LivePiece | undefined> {
  try {
    return (await pieces.next()).value ?? undefined;
  } catch (error) {
    if (error instanceof AppError) throw error;
    return undefined;
  }
}

async function reconnect({ context, app }: Follower, query: LogQuery): Promise<StreamedAnswer> {
  let wasAway = false;
  for (let pauseMs = PAUSE_FIRST_MS; ; pauseMs = Math.min(pauseMs * 2, PAUSE_LAST_MS)) {
    await sleep(pauseMs);
    try {
      // Whoever stopped the platform did not mean this command to start it again.
      const stream = await context.quietClient.logs(app, query);
      if (wasAway) context.out.warn("The platform is back.");
      return stream;
    } catch (error) {
      if (!isAway(error)) throw error;
    }
    if (!wasAway) context.out.warn("The platform is away; the stream goes on when it is back.");
    wasAway = true;
  }
}

function isAway(error: unknown): boolean {
  return error instanceof Unreachable || (error instanceof AppError && error.id === "unavailable");
}
