/** Takes lines around hits, process by process, as lines pass by one at a time, forwards or backwards. What belongs to
 *  one stack trace stays together, however long its context would be otherwise. */

/** A line of the scope; `place` only comes back with it. */
export interface PassingLine<Place> {
  place: Place;
  ps: string;
  isHit: boolean;
  /** Whether it goes on with the line before it of the same process, as a frame of a stack trace does. */
  isContinuation: boolean;
}

/** A trace is kept together up to this many lines. */
const TRACE_LINES_MAX = 200;
/** All lines that are held back; beyond that nothing is held, and hits have less context. */
const HELD_LINES_MAX = 100_000;

interface Process<Place> {
  /** Lines that passed and were not taken, for the next hit. */
  held: Place[];
  /** How many of the newest held lines are one trace with the line that comes next, when that joins. */
  joined: number;
  /** Lines that the last hit still takes. */
  owed: number;
  /** How many lines of a trace were taken beyond that; undefined when the last line was not taken. */
  beyond: number | undefined;
  lastIsContinuation: boolean;
}

export class ContextPicker<Place> {
  private readonly count: number;
  private readonly isForward: boolean;
  private readonly processes = new Map<string, Process<Place>>();
  private held = 0;

  constructor(count: number, direction: "forward" | "backward") {
    this.count = count;
    this.isForward = direction === "forward";
  }

  /** The lines that are taken now that this one has passed. */
  pass({ place, ps, isHit, isContinuation }: PassingLine<Place>): Place[] {
    const process = this.processOf(ps);
    const joins = this.isForward ? isContinuation : process.lastIsContinuation;
    process.lastIsContinuation = isContinuation;
    if (isHit) return this.takeHit(process, place, joins);
    if (this.takes(process, joins)) return [place];
    process.joined = joins ? Math.min(process.joined + 1, TRACE_LINES_MAX) : 1;
    process.beyond = undefined;
    this.hold(process, place);
    return [];
  }

  /** Processes whose hits still wait for lines. */
  *waiting(): Iterable<string> {
    for (const [ps, { owed, beyond, lastIsContinuation }] of this.processes)
      if (owed > 0 || (beyond !== undefined && lastIsContinuation)) yield ps;
  }

  private processOf(ps: string): Process<Place> {
    const known = this.processes.get(ps);
    if (known !== undefined) return known;
    const fresh = { held: [], joined: 0, owed: 0, beyond: undefined, lastIsContinuation: false };
    this.processes.set(ps, fresh);
    return fresh;
  }

  private takeHit(process: Process<Place>, place: Place, joins: boolean): Place[] {
    const wanted = Math.max(this.count, joins ? process.joined : 0);
    const taken = wanted === 0 ? [] : process.held.slice(-wanted);
    this.held -= process.held.length;
    Object.assign(process, { held: [], joined: 0, owed: this.count, beyond: 0 });
    return [...taken, place];
  }

  /** Whether a line that is no hit belongs to the hit before it. */
  private takes(process: Process<Place>, joins: boolean): boolean {
    if (process.owed > 0) {
      process.owed -= 1;
      return true;
    }
    if (!joins || process.beyond === undefined || process.beyond >= TRACE_LINES_MAX) return false;
    process.beyond += 1;
    return true;
  }

  private hold(process: Process<Place>, place: Place): void {
    if (this.held >= HELD_LINES_MAX) {
      for (const other of this.processes.values()) other.held = [];
      this.held = 0;
    }
    process.held.push(place);
    this.held += 1;
    if (process.held.length <= Math.max(this.count, process.joined)) return;
    process.held.shift();
    this.held -= 1;
  }
}
