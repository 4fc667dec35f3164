/** Which release a process ran at a moment, as the log itself tells it: from the line that says that it is up. Router
 *  lines name the process alone, and while a release is rolled out two of one name serve in turn. */

/** The line that says that a process is up begins so. */
export const STARTED = "State changed from starting to up";
const CREATED = /^Release v([1-9]\d{0,8}) created/;
const PROCESSES_MAX = 2_000;
/** A request that is over now began within this many starts of its process. */
const STARTS_MAX = 4;

interface Start {
  us: number;
  release: number;
}

export class ReleaseTracker {
  private readonly starts = new Map<string, Start[]>();
  /** Releases by the time they were made, oldest first. */
  private readonly made: Start[];

  /** @param made what is known beforehand of releases, oldest first. */
  constructor(made: readonly Start[] = []) {
    this.made = [...made];
  }

  /** A line of the platform; `release` is 0 when the line names none. */
  see(line: { ps: string; msg: string; release: number; us: number }): void {
    if (line.msg.startsWith(STARTED)) this.seeStart(line.ps, line.us, line.release);
    else if (line.ps === "api") this.seeMade(line.msg, line.us);
  }

  /** 0 when it is not known. */
  releaseOf(ps: string, us: number): number {
    const start = this.starts.get(ps)?.findLast((candidate) => candidate.us <= us);
    return start?.release ?? this.releaseAt(us);
  }

  private seeStart(ps: string, us: number, named: number): void {
    const release = named === 0 ? this.releaseAt(us) : named;
    if (release === 0) return;
    const known = this.starts.get(ps) ?? [];
    known.push({ us, release });
    if (known.length > STARTS_MAX) known.shift();
    this.starts.delete(ps);
    this.starts.set(ps, known);
    if (this.starts.size > PROCESSES_MAX) this.starts.delete(this.starts.keys().next().value ?? "");
  }

  private seeMade(msg: string, us: number): void {
    const release = Number(CREATED.exec(msg)?.[1] ?? 0);
    if (release > (this.made.at(-1)?.release ?? 0)) this.made.push({ us, release });
  }

  private releaseAt(us: number): number {
    return this.made.findLast((candidate) => candidate.us <= us)?.release ?? 0;
  }
}
