/** Answers questions about a stream, whoever writes it: the newest lines, all of a time, those around a moment. */
import { AppError } from "../core/error.ts";
import type { LastLines, Wanted } from "./answer.ts";
import { countLines } from "./count-lines.ts";
import { LineSelection } from "./line-selection.ts";
import type { LogFilter } from "./line-selection.ts";
import { lastLines } from "./query.ts";
import type { Snapshot } from "./query.ts";
import type { SegmentFiles } from "./segment-files.ts";
import { linesInOrder, type LogRest } from "./read-threads.ts";
import { Sieve } from "./sieve.ts";

export interface LogQuery extends LogFilter {
  /** The newest so many; undefined: all, in their order. */
  lines?: number | undefined;
  /** Lines of the same process before and behind each of them. */
  context?: number | undefined;
  /** Half of the lines before this moment, half from it on; neither with a time nor with context. */
  aroundUs?: number | undefined;
}

const NEWLINE = 10;

export interface Reading {
  files: SegmentFiles;
  snapshot: Snapshot;
  signal: AbortSignal;
  /** Takes what is left of an answer that turns out long, which then ends. */
  leave?: TakeRest | undefined;
}

export type TakeRest = (rest: LogRest) => void;

/** Whole NDJSON lines, oldest first, in pieces that are good until the next is asked for.
 *  @throws AppError invalid_params for a pattern that is none or takes too long. */
export async function* readStored(reading: Reading, query: LogQuery): AsyncGenerator<Buffer, void, undefined> {
  const { lines, aroundUs } = query;
  if (aroundUs !== undefined) yield* readAround({ ...reading, leave: undefined }, query, aroundUs);
  else if (lines === undefined) yield* readAll(reading, query);
  else yield* readNewest(reading, { ...query, lines });
}

/** Of what is too much to be gathered backwards it is counted how much stands before it. */
async function* readNewest(reading: Reading, query: LogQuery & { lines: number }): AsyncGenerator<Buffer> {
  const { lines: max, ...filter } = query;
  const gathered = await gatherNewest(reading, query);
  if (gathered !== undefined) return yield gathered;
  let surplus = (await countLines(reading, filter)) - max;
  for await (const piece of readAll({ ...reading, leave: undefined }, filter)) {
    const before = endOfLines(piece, Math.max(0, surplus));
    surplus -= before.lines;
    if (before.offset < piece.length) yield piece.subarray(before.offset);
  }
}

/** Undefined when it is too much. With context that ends early, with the newest. */
async function gatherNewest(reading: Reading, query: LogQuery & { lines: number }): Promise<Buffer | undefined> {
  const { lines, isCut } = await readLast(reading, query, { isAllOrNone: true });
  return isCut && (query.context ?? 0) === 0 ? undefined : lines;
}

export async function readLast(
  { files, snapshot, signal }: Reading,
  query: LogQuery & { lines: number },
  { isAllOrNone }: Pick<Wanted, "isAllOrNone"> = {},
): Promise<LastLines> {
  const selection = new LineSelection(query, { isEndless: false });
  const wanted = { selection, lines: query.lines, context: query.context ?? 0, isAllOrNone: isAllOrNone ?? false };
  return withSelection(selection, signal, () => lastLines(files, snapshot, wanted, signal));
}

async function* readAll(reading: Reading, query: LogQuery): AsyncGenerator<Buffer> {
  const { signal } = reading;
  const selection = new LineSelection(query, { isEndless: false });
  const stop = (): void => void selection.close();
  signal.addEventListener("abort", stop, { once: true });
  try {
    yield* linesInOrder(reading, new Sieve(selection, query.context ?? 0));
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    await selection.close();
  }
}

async function* readAround(reading: Reading, query: LogQuery, aroundUs: number): AsyncGenerator<Buffer> {
  const { lines = 0 } = query;
  const before = Math.ceil(lines / 2);
  yield* readNewest(reading, { ...query, untilUs: aroundUs, lines: before });
  let missing = lines - before;
  if (missing === 0) return;
  for await (const piece of readAll(reading, { ...query, sinceUs: aroundUs })) {
    const end = endOfLines(piece, missing);
    yield piece.subarray(0, end.offset);
    missing -= end.lines;
    if (missing === 0) return;
  }
}

/** Where the first so many lines end, and how many there are. */
function endOfLines(piece: Buffer, max: number): { offset: number; lines: number } {
  let [offset, lines] = [0, 0];
  while (lines < max && offset < piece.length) {
    offset = piece.indexOf(NEWLINE, offset) + 1;
    lines += 1;
  }
  return { offset, lines };
}

/** Ends what the selection is at when the signal aborts, and gives back what it holds in any case. */
async function withSelection<T>(selection: LineSelection, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const stop = (): void => void selection.close();
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await work();
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new AppError("unavailable", "The search was ended.", { cause: error });
  } finally {
    signal.removeEventListener("abort", stop);
    await selection.close();
  }
}
