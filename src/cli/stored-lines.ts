/** Lines as the platform has stored them, byte for byte: whole lines, without the empty ones that only keep a connection
 *  alive, and never a failure that it told behind them. */
import type { StreamedAnswer } from "../api/line.ts";
import { AppError, parseErrorId } from "../core/error.ts";

const NEWLINE = 10;
const NOTHING = Buffer.alloc(0);
/** No stored line begins like these. */
const CURSOR = Buffer.from('\n{"cursor":');
const FAILURE = '{"error":';

/** @throws AppError that the platform told, unavailable when it stopped on the way. */
export function storedLines(answer: StreamedAnswer): AsyncGenerator<Buffer, void> {
  return wholeLines(unbroken(answer));
}

/** The same, in pieces that are good until the next is asked for. */
export function lentLines(answer: StreamedAnswer): AsyncGenerator<Buffer, void> {
  return wholeLines(unbroken(answer.lend?.() ?? answer));
}

export interface LivePiece {
  lines: Buffer;
  /** The place behind them. */
  cursor: string;
}

/** Lines whose place is known: those without one come again, whole, when somebody goes on from the place before.
 *  @throws AppError that the platform told; the stream's own error when it broke off. */
export async function* livePieces(answer: StreamedAnswer): AsyncGenerator<LivePiece, void> {
  let held: Buffer[] = [];
  for await (const lines of wholeLines(answer)) {
    let cursor: string | undefined;
    let at = 0;
    for (let mark = cursorAt(lines, at); mark !== -1; mark = cursorAt(lines, at)) {
      held.push(lines.subarray(at, mark));
      at = lines.indexOf(NEWLINE, mark) + 1;
      ({ cursor } = JSON.parse(lines.toString("utf8", mark, at)) as { cursor: string });
    }
    const rest = lines.subarray(at);
    if (cursor !== undefined) yield { lines: held.length === 1 ? (held[0] as Buffer) : Buffer.concat(held), cursor };
    if (cursor !== undefined) held = [];
    if (rest.length > 0) held.push(rest);
  }
}

/** Where a line that tells a place begins, at a line's start or behind it; -1 when there is none. */
function cursorAt(lines: Buffer, from: number): number {
  const mark = CURSOR.subarray(1);
  if (lines.compare(mark, 0, mark.length, from, Math.min(lines.length, from + mark.length)) === 0) return from;
  const before = lines.indexOf(CURSOR, from);
  return before === -1 ? -1 : before + 1;
}

async function* wholeLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  let rest: Buffer = NOTHING;
  for await (const chunk of chunks) {
    const first = rest.length === 0 ? 0 : chunk.indexOf(NEWLINE) + 1;
    // A line that came in parts: it alone is copied.
    if (first > 0) yield* withoutFailure(Buffer.concat([rest, chunk.subarray(0, first)]));
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end > first) yield* withoutFailure(chunk.subarray(first, end));
    rest = end === 0 && rest.length > 0 ? Buffer.concat([rest, chunk]) : Buffer.from(chunk.subarray(end));
  }
}

/** Without empty lines in front, too. */
function* withoutFailure(lines: Buffer): Generator<Buffer, void> {
  let from = 0;
  while (lines[from] === NEWLINE) from += 1;
  if (from === lines.length) return;
  const last = lines.lastIndexOf(NEWLINE, lines.length - 2) + 1;
  const hasFailed = lines.toString("latin1", last, Math.min(lines.length, last + FAILURE.length)) === FAILURE;
  const good = lines.subarray(from, hasFailed ? last : lines.length);
  if (good.length > 0) yield good;
  if (hasFailed) throw failureOf(lines.toString("utf8", last));
}

function failureOf(json: string): AppError {
  const { error } = JSON.parse(json) as { error: { id?: string; message?: string; hint?: string } };
  return new AppError(parseErrorId(error.id), error.message ?? "The platform failed to read the log.", {
    hint: error.hint,
  });
}

/** @throws AppError unavailable instead of the stream's own error. */
export async function* unbroken(answer: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  try {
    yield* answer;
  } catch (error) {
    throw new AppError("unavailable", "The log stream broke off: the platform stopped.", { cause: error });
  }
}
