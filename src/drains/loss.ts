/** Lines that a drain could not deliver: counted, told in the app's log, and at the front of the next frame. */
import { errorHead } from "../core/error-codes.ts";

export interface Loss {
  /** Undefined when somebody took away lines that nobody had counted. */
  count: number | undefined;
  /** The stamp of the first of them. */
  since: string;
}

export function addLoss(a: Loss | undefined, b: Loss | undefined): Loss | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const count = a.count === undefined || b.count === undefined ? undefined : a.count + b.count;
  return { count, since: a.since < b.since ? a.since : b.since };
}

/** What is left to be told when `told` was. */
export function subtractLoss(all: Loss | undefined, told: Loss): Loss | undefined {
  if (all === undefined) return undefined;
  if (all.count === undefined) return told.count === undefined ? undefined : all;
  const count = all.count - (told.count ?? 0);
  return count > 0 ? { count, since: all.since } : undefined;
}

/** Heroku's L10. */
export function lossText({ count, since }: Loss): string {
  const messages = count === undefined ? "some messages" : count === 1 ? "1 message" : `${String(count)} messages`;
  return `${errorHead("L10")}: ${messages} dropped since ${since.slice(0, 19)}+00:00.`;
}
