/** Finds errors in a stream of lines, with the frame that stands behind them: lines that cannot matter are passed over
 *  by looking for a few words; the lines of a process that has just begun an error are read one by one. */
import { beginsError, beginsTraceback, isContinuation, isFrame } from "../core/error-line.ts";
import type { LogErrors } from "../core/log-errors.ts";
import type { ReleaseTracker } from "../core/release-tracker.ts";
import { parseRouterLine } from "../core/router-line.ts";
import { ErrorGroups } from "./error-groups.ts";
import { KnownHeads, messageOf, type KnownHead } from "./known-heads.ts";
import { stampAt } from "./scan-blocks.ts";

const NEWLINE = 10;
/** Every line that begins an error has one of these, and every line that tells of releases. One pass over a block for
 *  all of them takes a third of what one for each takes. */
const NEEDLES = /rror|xception|ejection|panic: |Traceback|starting to up| created by /g;
/** Processes with an error whose frame is still to come. */
const OPEN_MAX = 1_000;
/** So many lines of its process are waited for. */
const PATIENCE_LINES = 30;
/** The patterns are tried on so much of a line. */
const LOOK_MAX = 600;

interface Open {
  text: string;
  frame: string | undefined;
  isTraceback: boolean;
  us: number;
  release: number;
  linesLeft: number;
}

export class ErrorFinder {
  private readonly tracker: ReleaseTracker;
  private readonly groups: ErrorGroups;
  private readonly heads = new KnownHeads();
  private readonly open = new Map<string, Open>();
  private lowestRelease = Number.POSITIVE_INFINITY;

  constructor(tracker: ReleaseTracker, sinceUs: number) {
    this.tracker = tracker;
    this.groups = new ErrorGroups(sinceUs);
  }

  /** Whole lines, in their order. */
  add(lines: Buffer): void {
    const next = new NextHit(lines);
    // Where the log begins nothing may have gone wrong yet: still it tells of a release.
    this.seeFirst(lines);
    for (let at = 0; at < lines.length;) {
      if (this.open.size === 0) {
        const hit = next.from(at);
        if (hit === -1) return;
        at = hit === 0 ? 0 : lines.lastIndexOf(NEWLINE, hit - 1) + 1;
      }
      const end = lines.indexOf(NEWLINE, at) + 1;
      if (end === 0) return;
      const head = this.heads.find(lines, at, end);
      if (head !== undefined && (this.open.has(head.ps) || next.isBefore(at, end))) this.read(head, lines, at, end);
      at = end;
    }
  }

  /** @param max how many groups at most. */
  result(max: number): LogErrors {
    for (const [ps, open] of this.open) this.settle(ps, open);
    return this.groups.result(max);
  }

  private seeFirst(lines: Buffer): void {
    const end = lines.indexOf(NEWLINE) + 1;
    const head = end === 0 ? undefined : this.heads.find(lines, 0, end);
    if (head !== undefined) this.seeRelease(head.release);
  }

  private seeRelease(release: number): void {
    if (release !== 0 && release < this.lowestRelease) this.lowestRelease = release;
  }

  private read(head: KnownHead, lines: Buffer, start: number, end: number): void {
    const us = stampAt(lines, start);
    if (us === undefined) return;
    const text = messageOf(lines, start + head.messageAt, end);
    this.seeRelease(head.release);
    if (head.source === "heroku" || head.ps === "api") this.readOfPlatform(head, text, us);
    else this.readOfProcess(head, text, us);
  }

  private readOfPlatform(head: KnownHead, text: string, us: number): void {
    const { ps, release, level } = head;
    this.tracker.see({ ps, msg: text, release, us });
    if (ps !== "router") {
      if (beginsError(text.slice(0, LOOK_MAX), level))
        this.add1({ text, ps, us, release: release || this.releaseOf(ps, us) });
      return;
    }
    const request = parseRouterLine(text);
    if (request?.at !== "error") return;
    const { code, desc, dyno } = request;
    const said = `Error ${code}${desc === "" ? "" : ` (${desc})`}`;
    this.add1({ text: said, ps, us, release: release || this.releaseOf(dyno, us) });
  }

  private readOfProcess(head: KnownHead, text: string, us: number): void {
    const { ps, level } = head;
    const look = text.slice(0, LOOK_MAX);
    const open = this.open.get(ps);
    if (open !== undefined && this.goesOn(ps, open, look)) return;
    const isTraceback = beginsTraceback(look);
    if (!isTraceback && !beginsError(look, level)) return;
    if (this.open.size >= OPEN_MAX) for (const [other, old] of this.open) this.settle(other, old);
    const release = head.release || this.releaseOf(ps, us);
    this.open.set(ps, { text, frame: undefined, isTraceback, us, release, linesLeft: PATIENCE_LINES });
  }

  /** Whether the line belongs to the error that its process has begun. */
  private goesOn(ps: string, open: Open, look: string): boolean {
    open.linesLeft -= 1;
    if (open.isTraceback) return this.traceGoesOn(ps, open, look);
    if (isFrame(look)) {
      open.frame = look;
      this.settle(ps, open);
      return true;
    }
    if (isContinuation(look) && open.linesLeft > 0) return true;
    this.settle(ps, open);
    return false;
  }

  private traceGoesOn(ps: string, open: Open, look: string): boolean {
    if (isFrame(look)) open.frame = look;
    else if (!isContinuation(look)) {
      open.text = look;
      this.settle(ps, open);
      return true;
    }
    if (open.linesLeft <= 0) this.settle(ps, open);
    return true;
  }

  private settle(ps: string, { text, frame, us, release }: Open): void {
    this.open.delete(ps);
    this.add1({ text, frame, ps, us, release });
  }

  private add1(met: { text: string; frame?: string | undefined; ps: string; us: number; release: number }): void {
    this.groups.add({ frame: undefined, ...met, hasElders: this.lowestRelease < met.release });
  }

  private releaseOf(ps: string, us: number): number {
    const release = this.tracker.releaseOf(ps, us);
    this.seeRelease(release);
    return release;
  }
}

/** The next line of a block that has one of the needles. */
class NextHit {
  private readonly text: string;
  private hit = -1;

  constructor(lines: Buffer) {
    // One character for each byte, so that places are the same.
    this.text = lines.toString("latin1");
    this.look(0);
  }

  /** -1 when none is at this place or behind it. */
  from(at: number): number {
    if (this.hit !== -1 && this.hit < at) this.look(at);
    return this.hit;
  }

  /** Whether there is one in [at, end). */
  isBefore(at: number, end: number): boolean {
    const hit = this.from(at);
    return hit !== -1 && hit < end;
  }

  private look(at: number): void {
    NEEDLES.lastIndex = at;
    this.hit = NEEDLES.exec(this.text)?.index ?? -1;
  }
}
