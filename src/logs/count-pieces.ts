/** The pieces of a segment, which several threads take one after the other until none is left or somebody stops it. The state is
 *  what they share. */

export interface Piece {
  /** Bytes of the segment. */
  from: number;
  to: number;
}

export interface PiecesState {
  shared: SharedArrayBuffer;
  size: number;
  pieceBytes: number;
}

/** Of what is shared: the number of the next piece, and whether it is stopped. */
const NEXT = 0;
const STOPPED = 1;

export class Pieces {
  readonly state: PiecesState;
  private readonly shared: Int32Array;

  constructor(state: PiecesState) {
    this.state = state;
    this.shared = new Int32Array(state.shared);
  }

  static of(size: number, pieceBytes: number): Pieces {
    return new Pieces({ shared: new SharedArrayBuffer(8), size, pieceBytes });
  }

  /** One that nobody else gets; undefined when there is none. */
  take(): Piece | undefined {
    if (this.aborted) return undefined;
    const { pieceBytes, size } = this.state;
    const from = Atomics.add(this.shared, NEXT, 1) * pieceBytes;
    return from < size ? { from, to: Math.min(size, from + pieceBytes) } : undefined;
  }

  /** So it can stand for a signal. */
  get aborted(): boolean {
    return Atomics.load(this.shared, STOPPED) === 1;
  }

  stop(): void {
    Atomics.store(this.shared, STOPPED, 1);
  }
}
