/** Lines as the platform has stored them, byte for byte: whole lines, and never a failure that it told behind them. */
import type { IncomingMessage } from "node:http";
import { AppError } from "../core/error.ts";
import { failureOf, isFailure } from "./log-rows.ts";

const NEWLINE = 10;
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
