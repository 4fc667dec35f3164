/** The platform's own log: what the daemon did and what went wrong inside it, for `git heroku server:logs`.
 *  Apps' lines never come here; secrets never do either, since only messages are written, not values. */
import { appendFileSync, copyFileSync, statSync, truncateSync } from "node:fs";
import type { Clock } from "../core/clock.ts";

export interface Journal {
  note(message: string): void;
  /** A bug or a fault of the machine; the stack is kept. */
  fault(during: string, error: unknown): void;
}

/** Then the file becomes `platform.log.1`, and the one before is gone. */
const JOURNAL_BYTES_MAX = 4 * 1024 * 1024;

/** Synchronous on purpose: these lines are rare, and the last one before a crash is the one that matters. */
export function openJournal(file: string, clock: Clock, echo?: (line: string) => void): Journal {
  const write = (message: string): void => {
    const line = `${new Date(clock.now()).toISOString()} ${message}\n`;
    try {
      keepSmall(file);
      appendFileSync(file, line, { mode: 0o600 });
    } catch {
      // A full disk must not take the platform down with it; the echo below is then all there is.
    }
    echo?.(line);
  };
  return {
    note: write,
    fault: (during, error) =>
      write(`${during}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`),
  };
}

/** Emptied in place: the daemon's own standard output may go to the same file. */
function keepSmall(file: string): void {
  if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) < JOURNAL_BYTES_MAX) return;
  copyFileSync(file, `${file}.1`);
  truncateSync(file);
}
