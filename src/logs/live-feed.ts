/** New lines for all who have come to the end of a stream: read once, sifted once for all that ask for the same, and given
 *  to each as the same bytes. Whoever cannot take more leaves, and reads on from the disk when there is room again. Where
 *  they are so many that a round takes long, lines are gathered for the next one: rounds take a part of the time only. */
import { setTimeout as sleep } from "node:timers/promises";
import { QUIET_BYTES, StreamReader } from "./follow.ts";
import type { Piece, Reading, Stream } from "./follow.ts";
import { LineSelection } from "./line-selection.ts";
import type { LogFilter } from "./line-selection.ts";
import { comparePositions } from "./segment-files.ts";
import type { Position } from "./segment-files.ts";
import { Sieve } from "./sieve.ts";

/** Is given what comes next. When it returns a promise it takes no more until that resolves. */
export type Take = (piece: Piece) => Promise<void> | undefined;

/** After a round there is rest for so many times what it took, up to a limit, because somebody waits. */
const REST_TIMES = 3;
const REST_MS_MIN = 1;
const REST_MS_MAX = 5;

export class LiveFeed {
  private readonly stream: Stream;
  /** By what they ask for. */
  private readonly groups = new Map<string, Group>();
  /** Undefined while nobody follows. */
  private reader: StreamReader | undefined;
  private isWaiting = false;
  /** Since there was rest. */
  private tookMs = 0;

  constructor(stream: Stream) {
    this.stream = stream;
  }

  /** Gives what comes behind `from`, which is the end of the stream as this is called, until `take` wants no more, the signal
   *  aborts or the stream closes. The filter has no regular expression.
   *  @returns where to go on, once there is room again */
  async join(from: Position, filter: LogFilter, take: Take, signal: AbortSignal): Promise<Position> {
    const key = keyOf(filter);
    const group = this.groups.get(key) ?? new Group(filter);
    const member = new Member(from, take);
    const leave = (): void => member.leave();
    signal.addEventListener("abort", leave, { once: true });
    this.groups.set(key, group);
    group.members.add(member);
    if (this.reader === undefined) void this.run();
    try {
      await member.left;
      return member.at;
    } finally {
      signal.removeEventListener("abort", leave);
      group.members.delete(member);
      if (group.members.size === 0 && this.groups.get(key) === group) this.groups.delete(key);
    }
  }

  /** What was stored just now goes out within this turn of the event loop, where nothing is to go before it. */
  pass(): void {
    const reading = this.isWaiting ? this.reader?.atHand() : undefined;
    if (reading === undefined) return;
    try {
      this.give(reading);
    } catch {
      this.sendAway();
    }
  }

  /** Never rejects: who is sent away finds out by reading what went wrong here. */
  private async run(): Promise<void> {
    const { stream, groups } = this;
    const reader = new StreamReader(stream, stream.end());
    this.reader = reader;
    try {
      while (groups.size > 0) {
        const reading = reader.atHand() ?? (await reader.next());
        if (reading !== undefined) this.give(reading);
        else if (reader.isCurrent) {
          if (stream.isClosed()) break;
          this.isWaiting = true;
          await stream.changed.next();
          this.isWaiting = false;
        }
        await this.rest();
      }
    } catch {
      // Below.
    } finally {
      this.reader = undefined;
      this.isWaiting = false;
      this.sendAway();
    }
  }

  private give(reading: Reading): void {
    const begin = performance.now();
    for (const group of this.groups.values()) group.give(reading);
    this.tookMs += performance.now() - begin;
  }

  private async rest(): Promise<void> {
    const ms = Math.min(REST_MS_MAX, this.tookMs * REST_TIMES);
    this.tookMs = 0;
    if (ms >= REST_MS_MIN) await sleep(ms);
  }

  private sendAway(): void {
    for (const { members } of this.groups.values()) for (const member of members) member.leave();
  }
}

function keyOf({ ps, source, release, levels, sinceUs, untilUs, search, ignoreCase, invert }: LogFilter): string {
  return JSON.stringify({ ps, source, release, levels, sinceUs, untilUs, search, ignoreCase, invert });
}

/** All who ask for the same. */
class Group {
  readonly members = new Set<Member>();
  private readonly sieve: Sieve;
  private quietBytes = 0;

  constructor(filter: LogFilter) {
    this.sieve = new Sieve(new LineSelection(filter, { isEndless: true }), 0);
  }

  give(reading: Reading): void {
    const { lines, next } = reading;
    const start = { segment: next.segment, offset: next.offset - lines.length };
    // Those who came with more than the others had.
    for (const member of this.members) if (member.isAhead(start)) this.giveRest(member, start, reading);
    const piece = this.pick(reading);
    if (piece === undefined) return;
    for (const member of this.members) if (!member.isAhead(start)) this.hand(member, piece);
  }

  private giveRest(member: Member, start: Position, { lines, next, isLoss }: Reading): void {
    if (isLoss || comparePositions(member.at, next) >= 0) return;
    const rest = this.sieve.siftNow(lines.subarray(member.at.offset - start.offset));
    this.hand(member, { lines: rest, next });
  }

  private pick(reading: Reading): Piece | undefined {
    if (reading.isLoss) return reading;
    this.quietBytes += reading.lines.length;
    const lines = this.sieve.siftNow(reading.lines);
    if (lines.length === 0 && this.quietBytes < QUIET_BYTES) return undefined;
    this.quietBytes = 0;
    return { lines, next: reading.next };
  }

  private hand(member: Member, piece: Piece): void {
    member.at = piece.next;
    const room = member.take(piece);
    if (room === undefined) return;
    this.members.delete(member);
    void room.then(() => member.leave());
  }
}

class Member {
  /** Behind what it got last. */
  at: Position;
  readonly take: Take;
  readonly left: Promise<void>;
  leave!: () => void;

  constructor(at: Position, take: Take) {
    this.at = at;
    this.take = take;
    this.left = new Promise((resolve) => {
      this.leave = resolve;
    });
  }

  isAhead(of: Position): boolean {
    return comparePositions(this.at, of) > 0;
  }
}
