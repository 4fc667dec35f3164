/** Lines as the platform has stored them, byte for byte: whole lines, without the empty ones that only keep a connection
 *  alive, and never what it told behind them: a failure, or where the rest is. */
import { stat } from "node:fs/promises";
import type { StreamedAnswer } from "../api/line.ts";
import type { FoundLines, LogQuery, LogRestItem } from "../api/log-resources.ts";
import { AppError, parseErrorId } from "../core/error.ts";
import type { Context } from "./command.ts";

const NEWLINE = 10;
const NOTHING = Buffer.alloc(0);
/** No stored line begins like these. */
const CURSOR = Buffer.from('\n{"cursor":');
const FAILURE = '{"error":';
const REST = '{"rest":';

/** What is asked for of the log. What is long is read here where it can be
 *  (docs/decisions/190-the-asker-reads-the-rest.md).
 *  @throws AppError that the platform told, unavailable when it stopped on the way. */
export async function* storedLines(context: Context, app: string, query: LogQuery): AsyncGenerator<FoundLines, void> {
  const { client, world } = context;
  const answer = await client.logs(app, { ...query, leavesRest: await ownsFiles(context) });
  const left: LogRestItem[] = [];
  for await (const lines of wholeLines(unbroken(answer.lend?.() ?? answer), left)) yield { lines, areOurs: false };
  try {
    for (const rest of left) yield* world.readLogRest(rest);
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError("unavailable", `The log cannot be read: ${(error as Error).message}.`, { cause: error });
  }
}

/** Whether whoever asks may read what the platform has stored: its home is here, and theirs. */
async function ownsFiles({ home, platform }: Context): Promise<boolean> {
  if (platform !== home || process.getuid === undefined) return false;
  const owner = (await stat(home).catch(() => undefined))?.uid;
  return owner === process.getuid() || process.getuid() === 0;
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

/** @param left gets what was left, if anything was */
async function* wholeLines(chunks: AsyncIterable<Buffer>, left: LogRestItem[] = []): AsyncGenerator<Buffer, void> {
  let rest: Buffer = NOTHING;
  for await (const chunk of chunks) {
    const first = rest.length === 0 ? 0 : chunk.indexOf(NEWLINE) + 1;
    // A line that came in parts: it alone is copied.
    if (first > 0) yield* withoutEnd(Buffer.concat([rest, chunk.subarray(0, first)]), left);
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end > first) yield* withoutEnd(chunk.subarray(first, end), left);
    rest = end === 0 && rest.length > 0 ? Buffer.concat([rest, chunk]) : Buffer.from(chunk.subarray(end));
  }
}

/** Without empty lines in front, and what is told at the end. */
function* withoutEnd(lines: Buffer, left: LogRestItem[]): Generator<Buffer, void> {
  let from = 0;
  while (lines[from] === NEWLINE) from += 1;
  if (from === lines.length) return;
  const last = lines.lastIndexOf(NEWLINE, lines.length - 2) + 1;
  const lastIs = (begin: string): boolean => lines.toString("latin1", last, last + begin.length) === begin;
  const isEnd = lastIs(FAILURE) || lastIs(REST);
  const good = lines.subarray(from, isEnd ? last : lines.length);
  if (good.length > 0) yield good;
  if (lastIs(FAILURE)) throw failureOf(lines.toString("utf8", last));
  if (isEnd) left.push((JSON.parse(lines.toString("utf8", last)) as { rest: LogRestItem }).rest);
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
