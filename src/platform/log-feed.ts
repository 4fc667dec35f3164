/** An app's log as its drains read it: whole, in order, from a place on. */
import type { LogFeed, Place } from "../drains/log-feed.ts";
import type { LogStore, TailQuery } from "../logs/log-store.ts";

export function feedOf(logs: LogStore): LogFeed {
  return {
    follow: (after, signal) => logs.tail({ after }, signal),
    end: () => placeOf(logs, { lines: 0 }),
    since: (sinceUs) => placeOf(logs, { sinceUs }),
  };
}

/** Where a follower would begin. */
async function placeOf(logs: LogStore, query: TailQuery): Promise<Place> {
  const over = new AbortController();
  try {
    for await (const { next } of logs.tail(query, over.signal)) return next;
  } finally {
    over.abort();
  }
  return { segment: "", offset: 0 };
}
