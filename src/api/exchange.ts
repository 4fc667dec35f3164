/** One HTTP request over a line to the platform: a short one whose answer is JSON, or one whose answer is a stream. A
 *  refusal becomes the AppError that the platform meant. */
import type { Readable } from "node:stream";
import { AppError, parseErrorId } from "../core/error.ts";
import type { Line, StreamedAnswer } from "./line.ts";
import type { RawQuestion } from "./short-exchange.ts";

export interface Question {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: string;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
  /** After so many milliseconds it is given up; of short ones only. */
  patienceMs?: number | undefined;
}

/** What is sent as it comes: NDJSON. */
export type Upload = Omit<Question, "body"> & { stream: Readable };

/** An explanation is far below this. */
const REFUSAL_BYTES_MAX = 1024 * 1024;

/** @throws Unreachable, or the platform's AppError. */
export async function exchange<T>(line: Line, question: Question): Promise<T> {
  const { status, body } = await unlessDying(question, () => line.ask(rawQuestion(question)));
  const text = body.toString("utf8");
  if (!isGood(status)) throw parseRefusal(status, text);
  return text === "" ? (undefined as T) : (parseJson(text) as T);
}

/** The same, but the body of a good answer is left to the caller, for streams. */
export async function openExchange(line: Line, question: Question): Promise<StreamedAnswer> {
  const response = await unlessDying(question, () => line.send(rawQuestion(question)));
  const status = response.statusCode ?? 0;
  if (isGood(status)) return response;
  throw parseRefusal(status, await readText(response));
}

/** Sends a stream and takes the answer as JSON. A stream that fails takes the request with it.
 *  @throws Unreachable, or the platform's AppError. */
export async function upload<T>(line: Line, { stream, ...question }: Upload): Promise<T> {
  const headers = { "content-type": "application/x-ndjson", ...question.headers };
  const response = await line.send(rawQuestion({ ...question, headers }), stream);
  const text = await readText(response);
  if (!isGood(response.statusCode ?? 0)) throw parseRefusal(response.statusCode ?? 0, text);
  return parseJson(text) as T;
}

/** A killed daemon's socket lets people in until its last thread is gone. What changes nothing may be asked twice: the
 *  second time, nobody is there or another daemon is. */
async function unlessDying<T>({ method }: Question, put: () => Promise<T>): Promise<T> {
  try {
    return await put();
  } catch (error) {
    if (method !== "GET" || !(error instanceof AppError) || error.id !== "unavailable") throw error;
    return put();
  }
}

function isGood(status: number): boolean {
  return status >= 200 && status < 300;
}

function rawQuestion({ method, path, headers, body, patienceMs }: Question): RawQuestion {
  return {
    method,
    path,
    headers: {
      accept: "application/vnd.heroku+json; version=3",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    // Bytes, not text: Node would write the header in the encoding of a text that follows it.
    body: body === undefined ? undefined : Buffer.from(JSON.stringify(body)),
    patienceMs,
  };
}

export function stoppedMidway(cause: unknown): AppError {
  return new AppError("unavailable", "The platform stopped before it answered.", {
    hint: "See with `git heroku releases` whether the change was made, then try again.",
    cause,
  });
}

export async function readText(response: StreamedAnswer): Promise<string> {
  return (await readAll(response, REFUSAL_BYTES_MAX)).toString("utf8");
}

/** @throws AppError when it breaks off, or is larger */
export async function readAll(response: StreamedAnswer, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > bytesMax) throw unreadable(undefined);
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof AppError ? error : stoppedMidway(error);
  }
  return Buffer.concat(chunks);
}

function parseRefusal(status: number, text: string): AppError {
  return readRefusal(status, parseJson(text));
}

/** What the platform refused with. */
export function readRefusal(status: number, refusal: unknown): AppError {
  if (!isRecord(refusal) || typeof refusal["message"] !== "string") {
    return new AppError("internal_server_error", `The platform answered ${String(status)} with no explanation.`, {
      hint: "Look into `git heroku server:logs`.",
    });
  }
  const hint = typeof refusal["hint"] === "string" ? refusal["hint"] : undefined;
  return new AppError(parseErrorId(refusal["id"]), refusal["message"], { hint });
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw unreadable(error);
  }
}

export function unreadable(cause: unknown): AppError {
  return new AppError("bad_request", "The platform's answer cannot be read.", {
    hint: "Another program may listen on its socket; look into `git heroku server:status`.",
    cause,
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
