/** Appends lines that the platform itself writes. While nothing can be stored they wait in memory up to a limit; what
 *  is dropped then is counted, and a line says so as soon as lines can be stored again. */
import { errorHead } from "../core/error-codes.ts";
import type { NewLogLine } from "../core/log-line.ts";
import type { Journal } from "./journal.ts";
import { LEVELS } from "./level.ts";
import { encodeRun } from "./line-encoder.ts";
import { LineHeads } from "./line-head.ts";
import { PartScanner } from "./raw-parts.ts";
import type { Stamper } from "./stamper.ts";

const WAITING_BYTES_MAX = 4 * 1024 * 1024;
const KNOWN_ORIGINS_MAX = 200;

export class LineAppender {
  private readonly journal: Journal;
  private readonly stamper: Stamper;
  private readonly heads = new Map<string, LineHeads>();
  private dropped = 0;

  constructor(journal: Journal, stamper: Stamper) {
    this.journal = journal;
    this.stamper = stamper;
  }

  append(line: NewLogLine): void {
    if (this.journal.isStalled && this.journal.sink.length > WAITING_BYTES_MAX) {
      this.dropped += 1;
      return;
    }
    if (this.dropped > 0) {
      const msg = `${errorHead("L12")}: ${String(this.dropped)} messages of the platform dropped while the log could not be written.`;
      this.dropped = 0;
      this.encode({ ps: "logs", source: "heroku", level: "error", msg });
    }
    this.encode(line);
  }

  private encode(line: NewLogLine): void {
    const raw = Buffer.from(line.msg.endsWith("\n") ? line.msg : `${line.msg}\n`);
    const us = this.stamper.now();
    const scanner = new PartScanner(raw, line.cont !== undefined, true);
    const heads = this.headsOf(line);
    const options = { us, cleanUntil: raw.length, level: levelNumber(line) };
    while (scanner.next < raw.length) {
      const run = encodeRun(scanner, this.journal.sink, heads, options);
      this.journal.add({ ...run, spool: undefined, to: 0, isLater: false });
    }
  }

  private headsOf({ ps, source, release }: NewLogLine): LineHeads {
    const key = `${source} ${ps} ${String(release)}`;
    const known = this.heads.get(key);
    if (known !== undefined) return known;
    if (this.heads.size >= KNOWN_ORIGINS_MAX) this.heads.clear();
    const heads = new LineHeads({ ps, source, release });
    this.heads.set(key, heads);
    return heads;
  }
}

/** The level that the caller states, or undefined to look for one in output of the app. */
function levelNumber({ source, level }: NewLogLine): number | undefined {
  if (level !== undefined) return Math.max(0, LEVELS.indexOf(level));
  return source === "app" ? undefined : 0;
}
