/** Counts lines and requests over time. Lines are told apart by bytes; only what the router says is read as text.
 *  Whatever the log's length, memory is bounded: so many groups, so many intervals, a histogram of fixed size each. */
import { parseStamp } from "../core/log-line.ts";
import type { LogStats, StatsBy } from "../core/log-stats.ts";
import { isOfRequests } from "../core/log-stats.ts";
import { pathShape } from "../core/path-shape.ts";
import type { ReleaseTracker } from "../core/release-tracker.ts";
import { isFailure, parseRouterLine, type RouterRequest } from "../core/router-line.ts";
import { Timeline } from "../core/timeline.ts";
import { TAIL_BYTES } from "./head-reader.ts";
import { KnownHeads, messageOf, type KnownHead } from "./known-heads.ts";
import { STAMP_AT } from "./line-head.ts";
import type { MinuteCounts } from "./minute-counter.ts";
import { stampAt } from "./scan-blocks.ts";
import { LineTally, RequestTally, TallyGroups, toStats, UNKNOWN_RELEASE } from "./stats-tally.ts";

export interface StatsQuestion {
  by: StatsBy | undefined;
  /** Undefined: as fits the time. */
  everyMinutes: number | undefined;
}

const NEWLINE = 10;
/** `2011-06-19T08:35`: intervals are whole minutes. */
const MINUTE_BYTES = 16;
const MINUTE_US = 60_000_000;
const SECOND_US = 1_000_000;
const ZERO = 0x30;

export class StatsCounter {
  private readonly by: StatsBy | undefined;
  private readonly tracker: ReleaseTracker;
  private readonly timeline: Timeline;
  private readonly heads = new KnownHeads();
  /** Undefined when that is not what is counted. */
  private readonly lines: LineTally | undefined;
  private readonly requests: RequestTally | undefined;
  private readonly lineGroups: TallyGroups<LineTally>;
  private readonly requestGroups: TallyGroups<RequestTally>;
  private readonly minute = Buffer.alloc(MINUTE_BYTES);
  private minuteUs = 0;
  private slot = 0;

  constructor({ by, everyMinutes }: StatsQuestion, tracker: ReleaseTracker) {
    const timeline = new Timeline(everyMinutes === undefined ? undefined : everyMinutes * MINUTE_US);
    const ofRequests = by !== undefined && isOfRequests(by);
    this.by = by;
    this.tracker = tracker;
    this.timeline = timeline;
    this.lines = ofRequests ? undefined : new LineTally(timeline);
    this.requests = by === undefined || ofRequests ? new RequestTally(timeline) : undefined;
    this.lineGroups = new TallyGroups(() => new LineTally(timeline));
    this.requestGroups = new TallyGroups(() => new RequestTally(timeline));
  }

  /** Whole lines, in their order. */
  add(lines: Buffer): void {
    this.eachLine(lines, (head, place) => this.count(head, place));
  }

  /** Requests among whole lines that are counted otherwise. */
  addRequests(lines: Buffer): void {
    const { requests } = this;
    if (requests === undefined) return;
    this.eachLine(lines, (head, place) => {
      if (head.ps === "router" && this.turnTo(place.lines, place.start)) this.countRequest(requests, head, place);
    });
  }

  /** The lines of a minute, as a rollup has them, in place of the lines themselves. */
  addMinute({ minute, counts }: MinuteCounts): void {
    const us = parseStamp(`${minute}:00.000000Z`);
    if (us === undefined || this.lines === undefined) return;
    const slot = this.timeline.slotOf(us);
    // Of what was turned to before, the interval may have another number now.
    this.minute.fill(0);
    for (const { ps, level, lines } of counts) this.countLines({ slot, ps, level, lines });
  }

  private eachLine(lines: Buffer, visit: (head: KnownHead, place: Place) => void): void {
    for (let at = 0; at < lines.length;) {
      const end = lines.indexOf(NEWLINE, at) + 1;
      if (end === 0) return;
      const head = this.heads.find(lines, at, end);
      if (head !== undefined) visit(head, { lines, start: at, end });
      at = end;
    }
  }

  result(): LogStats {
    const { by, timeline, lines, requests } = this;
    return toStats({
      by,
      timeline,
      lines,
      requests,
      groups: lines === undefined ? this.requestGroups : this.lineGroups,
    });
  }

  /** Moves on to the interval of the line's stamp; false when it has none. */
  private turnTo(lines: Buffer, start: number): boolean {
    const { minute } = this;
    const at = start + STAMP_AT;
    let index = MINUTE_BYTES - 1;
    while (index >= 0 && lines[at + index] === minute[index]) index -= 1;
    if (index < 0) return true;
    const us = stampAt(lines, start);
    if (us === undefined) return false;
    lines.copy(minute, 0, at, at + MINUTE_BYTES);
    this.minuteUs = us - (us % MINUTE_US);
    this.slot = this.timeline.slotOf(us);
    return true;
  }

  private count(head: KnownHead, place: Place): void {
    const { lines, requests } = this;
    const isRequest = requests !== undefined && head.ps === "router";
    if ((lines !== undefined || isRequest) && !this.turnTo(place.lines, place.start)) return;
    if (lines !== undefined) this.countLine(head);
    if (isRequest) this.countRequest(requests, head, place);
    else if (this.by === "release" && (head.source === "heroku" || head.ps === "api")) this.track(head, place);
  }

  private countLine({ ps, level }: KnownHead): void {
    this.countLines({ slot: this.slot, ps, level: level || undefined, lines: 1 });
  }

  private track({ ps, release, messageAt }: KnownHead, { lines, start, end }: Place): void {
    this.tracker.see({ ps, release, us: stampAt(lines, start) ?? 0, msg: messageOf(lines, start + messageAt, end) });
  }

  /** Of a line in the minute that was turned to last. */
  private momentOf(lines: Buffer, start: number): number {
    const at = start + STAMP_AT + MINUTE_BYTES + 1;
    return this.minuteUs + digits(lines, at, at + 2) * SECOND_US + digits(lines, at + 3, at + 9);
  }

  private countLines({ slot, ps, level, lines }: CountedLines): void {
    const { by } = this;
    this.lines?.add(slot, level, lines);
    if (by === "ps") this.lineGroups.of(ps).add(slot, level, lines);
    else if (by === "level") this.lineGroups.of(level ?? "none").add(slot, level, lines);
  }

  private countRequest(all: RequestTally, head: KnownHead, { lines, start, end }: Place): void {
    const request = parseRouterLine(lines.toString("latin1", start + head.messageAt, end - TAIL_BYTES));
    if (request === undefined) return;
    const isFailed = isFailure(request);
    all.add(this.slot, request.serviceMs, isFailed);
    if (this.by === undefined) return;
    const name = this.requestGroup(request, () => head.release || this.releaseOf(request, this.momentOf(lines, start)));
    this.requestGroups.of(name).add(this.slot, request.serviceMs, isFailed);
  }

  private requestGroup(request: RouterRequest, release: () => number): string {
    if (this.by === "path") return pathShape(request.path);
    if (this.by === "release") return releaseName(release());
    const { status, code } = request;
    return [status === undefined ? "" : String(status), code].filter((word) => word !== "").join(" ") || "none";
  }

  /** Of the moment at which the request began: the line is written when it is over, perhaps behind a switch. */
  private releaseOf({ dyno, serviceMs = 0, connectMs = 0 }: RouterRequest, us: number): number {
    return this.tracker.releaseOf(dyno, us - (serviceMs + connectMs) * 1000);
  }
}

interface CountedLines {
  slot: number;
  ps: string;
  /** Undefined when they state none. */
  level: string | undefined;
  lines: number;
}

interface Place {
  lines: Buffer;
  start: number;
  end: number;
}

function releaseName(release: number): string {
  return release === 0 ? UNKNOWN_RELEASE : `v${String(release)}`;
}

function digits(lines: Buffer, from: number, to: number): number {
  let number = 0;
  for (let at = from; at < to; at += 1) number = number * 10 + (lines[at] as number) - ZERO;
  return number;
}
