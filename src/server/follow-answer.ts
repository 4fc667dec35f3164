/** An answer that begins with what a follower of a log is given first, and goes on for as long as there is more. */
import type { LineAnswer } from "./line-answer.ts";

/** Lines of a log, and the place behind them. */
export interface LogPiece {
  lines: Buffer;
  next: { segment: string; offset: number };
}

export type TakePiece = (piece: LogPiece) => Promise<void> | undefined;

export interface FollowForm {
  /** Sent at once: the follower of a silent app learns that it is connected. */
  greeting: string;
  /** What a piece is in the answer; it is written when there is any. */
  format: (piece: LogPiece) => Buffer;
  /** What fails behind a status of 200. */
  breakOff: (error: unknown) => void;
}

/** Resolves when the answer has begun.
 *  @throws what `follow` throws before that. */
export function followInto(
  answer: LineAnswer,
  { greeting, format, breakOff }: FollowForm,
  follow: (take: TakePiece) => Promise<void>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let hasBegun = false;
    const begin = (): void => {
      if (hasBegun) return;
      hasBegun = true;
      void answer.write(Buffer.from(greeting));
      resolve();
    };
    const take = (piece: LogPiece): Promise<void> | undefined => {
      begin();
      const bytes = format(piece);
      return bytes.length === 0 ? undefined : answer.write(bytes);
    };
    follow(take).then(
      () => {
        begin();
        answer.end();
      },
      (error: unknown) => {
        if (hasBegun) breakOff(error);
        else reject(error);
      },
    );
  });
}

/** The same for all who get the same piece: it is made once. */
export function madeOnce(make: (piece: LogPiece) => Buffer): (piece: LogPiece) => Buffer {
  const made = new WeakMap<LogPiece, Buffer>();
  return (piece) => {
    const known = made.get(piece);
    if (known !== undefined) return known;
    const bytes = make(piece);
    made.set(piece, bytes);
    return bytes;
  };
}
