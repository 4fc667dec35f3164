/** Reads what the platform has left of a long answer (read-threads.ts), in a process that does nothing else: with a thread beside, each
 *  some segments of the way. Nothing is written beside them. */
import { availableParallelism } from "node:os";
import { Claims } from "./claims.ts";
import { OwnReading } from "./own-reading.ts";
import { neverBeCareful } from "./quick-io.ts";
import { ReadThread, type Found } from "./read-thread.ts";
import type { LogRest } from "./read-threads.ts";

/** How far the thread may be ahead: what is found in a segment of which a quarter is wanted. */
const PIECES_AHEAD = 64;

/** @throws the system's error for files that may not be read. */
export async function* readRest(rest: LogRest, signal: AbortSignal): AsyncGenerator<Found, void, undefined> {
  neverBeCareful();
  const { dir, snapshot, filter } = rest;
  const claims = Claims.for(snapshot.segments.length);
  const thread = snapshot.segments.length > 1 && availableParallelism() > 1 ? ReadThread.take() : undefined;
  thread?.begin({ dir, isReadOnly: true, snapshot, filter, claims, room: PIECES_AHEAD }, signal);
  const own = new OwnReading(rest, claims, signal);
  try {
    for (const number of snapshot.segments.keys()) {
      if (own.takes(number)) yield* own.linesOf(number);
      else if (thread !== undefined) yield* linesOfThread(thread, () => own.readAhead(number));
    }
  } finally {
    thread?.giveBack();
    await own.close();
  }
}

/** @param insteadOfWaiting does something else, if there is anything. */
async function* linesOfThread(
  thread: ReadThread,
  insteadOfWaiting: () => Promise<boolean>,
): AsyncGenerator<Found, void> {
  for (;;) {
    while (thread.isWaitedFor && (await insteadOfWaiting()));
    const piece = await thread.nextPiece();
    if (piece === undefined) return;
    yield piece;
  }
}
