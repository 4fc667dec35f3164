/** Counts what a drain will miss, while the log still has it. */
import type { Clock } from "../core/clock.ts";
import { DrainReader } from "./drain-reader.ts";
import { timeOf, type LogFeed, type Place } from "./log-feed.ts";
import type { Loss } from "./loss.ts";
import { TimeLimit } from "../outbound/time-limit.ts";

const NEWLINE = 10;
/** `{"ts":"` stands before the stamp of a line, which has 27 characters. */
const STAMP_AT = 7;
const STAMP_END = 34;
/** Nobody waits for a count for ever: the log has to make room. */
const PATIENCE_MS = 60_000;

/** The lines between two places, of which the second is the start of a segment; undefined when there are none. */
export async function countLines(
  { feed, clock }: { feed: LogFeed; clock: Clock },
  from: Place,
  to: Place,
): Promise<Loss | undefined> {
  const reader = new DrainReader(feed, from);
  const limit = new TimeLimit(clock, () => reader.stop());
  limit.begin(PATIENCE_MS);
  let count = 0;
  let since = timeOf(from.segment);
  try {
    for (;;) {
      const piece = await reader.next();
      if (piece === undefined) return { count: undefined, since };
      const { lines, start } = piece;
      if (start.segment >= to.segment) return count === 0 ? undefined : { count, since };
      if (count === 0) since = lines.toString("latin1", STAMP_AT, STAMP_END);
      for (let at = lines.indexOf(NEWLINE); at !== -1; at = lines.indexOf(NEWLINE, at + 1)) count += 1;
    }
  } finally {
    limit.end();
    await reader.end();
  }
}
