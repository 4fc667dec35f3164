/** What comes over a log stream, row by row: lines, the places that the stream tells, and what went wrong behind its
 *  status. Empty lines only keep the connection alive. */
import type { IncomingMessage } from "node:http";
import { AppError, parseErrorId } from "../core/error.ts";

export type LogRow = { kind: "line"; json: string } | { kind: "cursor"; cursor: string };

/** No stored line begins like these. */
export const CURSOR_START = '{"cursor":';
const FAILURE = '{"error":';

/** @throws AppError that the platform told in the stream; the stream's own error when it broke off. */
export async function* readRows(stream: IncomingMessage): AsyncGenerator<LogRow, void> {
  let rest = "";
  stream.setEncoding("utf8");
  for await (const chunk of stream as AsyncIterable<string>) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield rowOf(line);
  }
}

/** The same for programs: a line that is no JSON is left out, whoever put it there. */
export async function* readJsonRows(stream: IncomingMessage): AsyncGenerator<LogRow, void> {
  const { default: ndjson } = await import("ndjson");
  const rows = ndjson.parse({ strict: false });
  stream.on("error", (error) => rows.destroy(error)).pipe(rows);
  for await (const row of rows as AsyncIterable<unknown>) yield rowOf(JSON.stringify(row));
}

function rowOf(json: string): LogRow {
  if (json.startsWith(CURSOR_START)) return { kind: "cursor", cursor: (JSON.parse(json) as { cursor: string }).cursor };
  if (isFailure(json)) throw failureOf(json);
  return { kind: "line", json };
}

export function isFailure(json: string): boolean {
  return json.startsWith(FAILURE);
}

export function failureOf(json: string): AppError {
  const { error } = JSON.parse(json) as { error: { id?: string; message?: string; hint?: string } };
  return new AppError(parseErrorId(error.id), error.message ?? "The platform failed to read the log.", {
    hint: error.hint,
  });
}
