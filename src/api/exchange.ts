/** One HTTP request over the platform's unix socket, or to its URL: a short one whose answer is JSON, or on node:http one
 *  whose answer is a stream; the global `fetch` costs 40 ms to start. A refusal becomes the AppError that the platform meant; a dead
 *  socket becomes `Unreachable`, and only then is it certain that nothing was asked. */
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { AppError, parseErrorId } from "../core/error.ts";
import { askShortly, BrokenOff, NoAnswer, type RawAnswer, type RawQuestion } from "./short-exchange.ts";
import { openAddress, openReach, type PlatformPlace } from "./reach.ts";

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

/** Nobody listens on the socket. */
export class Unreachable extends Error {}

/** An explanation is far below this. */
const REFUSAL_BYTES_MAX = 1024 * 1024;
const CUT_OFF = new Set(["ECONNRESET", "EPIPE"]);
const NOBODY_THERE = new Set(["ENOENT", "ENOTDIR", "ECONNREFUSED", "ENOTSOCK"]);

/** @throws Unreachable, or the platform's AppError. */
export async function exchange<T>(place: PlatformPlace, question: Question): Promise<T> {
  const { status, body } = await unlessDying(question, () => ask(place, rawQuestion(question)));
  const text = body.toString("utf8");
  if (!isGood(status)) throw parseRefusal(status, text);
  return text === "" ? (undefined as T) : (parseJson(text) as T);
}

/** The same, but the body of a good answer is left to the caller, for streams. */
export async function openExchange(place: PlatformPlace, question: Question): Promise<IncomingMessage> {
  const response = await unlessDying(question, () => send(place, rawQuestion(question)));
  const status = response.statusCode ?? 0;
  if (isGood(status)) return response;
  throw parseRefusal(status, await readText(response));
}

/** Sends a stream and takes the answer as JSON. A stream that fails takes the request with it.
 *  @throws Unreachable, or the platform's AppError. */
export async function upload<T>(place: PlatformPlace, { stream, ...question }: Upload): Promise<T> {
  const headers = { "content-type": "application/x-ndjson", ...question.headers };
  const response = await send(place, rawQuestion({ ...question, headers }), stream);
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

async function ask(place: PlatformPlace, question: RawQuestion): Promise<RawAnswer> {
  if (place.url !== undefined) return askElsewhere(place, question);
  const address = openAddress(place.home, explain);
  try {
    return await askShortly(address.path, question);
  } catch (error) {
    throw explain(error as NodeJS.ErrnoException);
  } finally {
    address.release();
  }
}

async function askElsewhere(place: PlatformPlace, question: RawQuestion): Promise<RawAnswer> {
  const response = await send(place, question);
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return { status: response.statusCode ?? 0, headers: {}, body: Buffer.concat(chunks) };
}

async function send(
  place: PlatformPlace,
  { method, path, headers, body, patienceMs }: RawQuestion,
  stream?: Readable,
): Promise<IncomingMessage> {
  const reach = await openReach(place, explain);
  return new Promise((resolve, reject) => {
    const outgoing = reach.request({
      method,
      path,
      headers: {
        connection: "close",
        ...(body === undefined ? {} : { "content-length": body.length }),
        ...headers,
      },
    });
    if (patienceMs !== undefined) outgoing.setTimeout(patienceMs, () => outgoing.destroy(new NoAnswer("Too late.")));
    outgoing.on("response", resolve);
    outgoing.on("error", (error: NodeJS.ErrnoException) => reject(explain(error, place)));
    outgoing.on("close", () => reach.release());
    if (stream === undefined) outgoing.end(body);
    else stream.on("error", (error) => outgoing.destroy(error)).pipe(outgoing);
  });
}

export function explain(error: NodeJS.ErrnoException, { url }: Partial<PlatformPlace> = {}): Error {
  if (url !== undefined && !isHalfDone(error)) return notReached(url, error);
  if (NOBODY_THERE.has(error.code ?? "")) return new Unreachable(error.message, { cause: error });
  if (error.code === "EACCES") {
    return new AppError("forbidden", "This platform belongs to another user of this machine.", {
      hint: "Run the command as that user, or set GIT_HEROKU_HOME to a home of your own.",
    });
  }
  if (error instanceof NoAnswer) return unreadable(error);
  return isHalfDone(error) ? stoppedMidway(error) : error;
}

/** Somebody was there, who may have done it. */
function isHalfDone(error: NodeJS.ErrnoException): boolean {
  return error instanceof NoAnswer || error instanceof BrokenOff || CUT_OFF.has(error.code ?? "");
}

function notReached(url: string, error: NodeJS.ErrnoException): AppError {
  const isDistrust = /CERT|SELF_SIGNED|UNABLE_TO|ALTNAME/.test(error.code ?? "");
  return new AppError("unavailable", `${url} cannot be reached: ${error.message}`, {
    hint: isDistrust
      ? "Name the file of the authority that signed its certificate: NODE_EXTRA_CA_CERTS=FILE, for git GIT_SSL_CAINFO=FILE."
      : "Is the address right, and the platform running?",
    cause: error,
  });
}

export function stoppedMidway(cause: unknown): AppError {
  return new AppError("unavailable", "The platform stopped before it answered.", {
    hint: "See with `git heroku releases` whether the change was made, then try again.",
    cause,
  });
}

export async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > REFUSAL_BYTES_MAX) throw unreadable(undefined);
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof AppError ? error : stoppedMidway(error);
  }
  return Buffer.concat(chunks).toString("utf8");
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

function unreadable(cause: unknown): AppError {
  return new AppError("bad_request", "The platform's answer cannot be read.", {
    hint: "Another program may listen on its socket; look into `git heroku server:status`.",
    cause,
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
