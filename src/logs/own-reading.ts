/** What a thread reads of an answer itself, of segments that it has taken: in order, and ahead while it would have to wait for others. */
import type { Claims } from "./claims.ts";
import { forwardLines } from "./forward.ts";
import { LineSelection } from "./line-selection.ts";
import type { LogRest } from "./read-threads.ts";
import type { Found } from "./read-thread.ts";
import { PIECE_BYTES } from "./gathered.ts";
import { SegmentFiles } from "./segment-files.ts";
import { Sieve } from "./sieve.ts";

/** What was found ahead. */
const AHEAD_BYTES_MAX = 16 * 1024 * 1024;

interface Begun {
  ahead: Buffer[];
  rest: AsyncGenerator<Buffer, void>;
}

export class OwnReading {
  private readonly snapshot: LogRest["snapshot"];
  private readonly claims: Claims;
  private readonly signal: AbortSignal;
  private readonly files: SegmentFiles;
  private readonly sieve: Sieve;
  /** By the number of the segment. */
  private readonly begun = new Map<number, Begun>();
  /** The segment that is read ahead. */
  private aheadAt: number | undefined;
  private aheadBytes = 0;
  /** Memory for pieces. */
  private readonly spare: Buffer[] = [];

  constructor({ dir, snapshot, filter }: LogRest, claims: Claims, signal: AbortSignal) {
    this.snapshot = snapshot;
    this.claims = claims;
    this.signal = signal;
    this.files = new SegmentFiles(dir, { isReadOnly: true });
    this.sieve = new Sieve(new LineSelection(filter, { isEndless: false }), 0);
  }

  /** Whether the segment is read here: nobody else has taken it. */
  takes(number: number): boolean {
    return this.begun.has(number) || this.claims.take(number);
  }

  /** Of a segment that is read here. */
  async *linesOf(number: number): AsyncGenerator<Found, void> {
    if (this.aheadAt === number) this.aheadAt = undefined;
    const { ahead, rest } = this.begun.get(number) ?? this.begin(number);
    for (const piece of ahead) {
      this.aheadBytes -= piece.length;
      yield this.found(piece);
      this.reuse(piece);
    }
    for await (const piece of rest) {
      yield this.found(piece);
      this.reuse(piece);
    }
    this.begun.delete(number);
  }

  private found(lines: Buffer): Found {
    return { lines, areOurs: this.sieve.areOurs };
  }

  /** Fresh memory is dear: the system fills it with zeros first. */
  private reuse({ buffer }: Buffer): void {
    if (buffer.byteLength === PIECE_BYTES) this.spare.push(Buffer.from(buffer));
  }

  /** Reads a little of a segment behind this one.
   *  @returns false when there is none left, or enough was found. */
  async readAhead(behind: number): Promise<boolean> {
    if (this.aheadBytes >= AHEAD_BYTES_MAX) return false;
    this.aheadAt ??= this.takeBehind(behind);
    if (this.aheadAt === undefined) return false;
    const { ahead, rest } = this.begun.get(this.aheadAt) as Begun;
    const { value } = await rest.next();
    if (value === undefined) {
      this.aheadAt = undefined;
      return true;
    }
    ahead.push(value);
    this.aheadBytes += value.length;
    return true;
  }

  /** Gives back what is held. */
  async close(): Promise<void> {
    for (const { rest } of this.begun.values()) await rest.return();
  }

  private takeBehind(behind: number): number | undefined {
    for (let number = behind + 1; number < this.snapshot.segments.length; number += 1) {
      if (!this.claims.take(number)) continue;
      this.begin(number);
      return number;
    }
    return undefined;
  }

  private begin(number: number): Begun {
    const { segments, end } = this.snapshot;
    const snapshot = { segments: segments.slice(number, number + 1), end };
    const memory = (): Buffer => this.spare.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES);
    const rest = forwardLines({ files: this.files, snapshot, stop: this.signal, memory }, this.sieve);
    const begun = { ahead: [], rest };
    this.begun.set(number, begun);
    return begun;
  }
}
