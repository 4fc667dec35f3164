/** Lines as the platform has stored them, byte for byte: whole lines, and never a failure that it told behind them. */
import type { IncomingMessage } from "node:http";
import { AppError } from "../core/error.ts";
import { CURSOR_START, failureOf, isFailure } from "./log-rows.ts";

const NEWLINE = 10;
const BRACES = [0x7b, 0x7d] as const;
const CURSOR = Buffer.from(CURSOR_START);
const NOTHING = Buffer.alloc(0);

/** @throws AppError that the platform told, unavailable when it stopped on the way. */
export async function* storedLines(answer: IncomingMessage): AsyncGenerator<Buffer, void> {
  let rest: Buffer = NOTHING;
  for await (const chunk of unbroken(answer)) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    rest = bytes.subarray(end);
    if (end === 0) continue;
    const last = bytes.lastIndexOf(NEWLINE, end - 2) + 1;
    const lastLine = bytes.toString("utf8", last, Math.min(end, last + 100));
    const hasFailed = isFailure(lastLine);
    const lines = bytes.subarray(0, hasFailed ? last : end);
    if (lines.length > 0) yield lines;
    if (hasFailed) throw failureOf(bytes.toString("utf8", last, end));
  }
}

/** @throws AppError unavailable instead of the stream's own error. */
export async function* unbroken(answer: IncomingMessage): AsyncGenerator<Buffer, void> {
  try {
    yield* answer as AsyncIterable<Buffer>;
  } catch (error) {
    throw new AppError("unavailable", "The log stream broke off: the platform stopped.", { cause: error });
  }
}

/** For programs: those of whole lines that are an object, by how they begin and end. What else there is somebody's hand put there. */
export function objectsOf(lines: Buffer): Buffer {
  const [open, close] = BRACES;
  return keepLines(lines, (at, end) => lines[at] === open && lines[end - 1] === close);
}

/** Without the places that a stream may tell, and empty lines. */
export function withoutCursors(lines: Buffer): Buffer {
  return keepLines(lines, (at, end) => end > at && (lines[at + 2] !== CURSOR[2] || !startsWith(lines, at, CURSOR)));
}

function startsWith(lines: Buffer, at: number, text: Buffer): boolean {
  return text.equals(lines.subarray(at, at + text.length));
}

/** The lines themselves when all of them are kept. */
function keepLines(lines: Buffer, isKept: (at: number, end: number) => boolean): Buffer {
  const kept: Buffer[] = [];
  let from = 0;
  for (let at = 0; at < lines.length;) {
    const end = lines.indexOf(NEWLINE, at);
    if (!isKept(at, end)) {
      kept.push(lines.subarray(from, at));
      from = end + 1;
    }
    at = end + 1;
  }
  return from === 0 ? lines : Buffer.concat([...kept, lines.subarray(from)]);
}
