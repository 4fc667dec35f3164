/** One HTTP request over the platform's unix socket, on node:http: the global `fetch` costs 40 ms to start.
 *  A refusal becomes the AppError that the platform meant; a dead socket becomes `Unreachable`, and only then is it
 *  certain that nothing was asked. */
import { request, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { createConnection } from "node:net";
import { AppError, parseErrorId } from "../core/error.ts";
import { openSocketAddress } from "./socket-address.ts";

export interface Question {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: string;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
  signal?: AbortSignal;
}

export interface Answer<T> {
  body: T;
  headers: IncomingHttpHeaders;
}

/** Nobody listens on the socket. */
export class Unreachable extends Error {}

/** A sane JSON answer is far below this. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
const NOBODY_THERE = new Set(["ENOENT", "ENOTDIR", "ECONNREFUSED", "ENOTSOCK"]);

/** @throws Unreachable, or the platform's AppError. */
export async function exchange<T>(home: string, question: Question): Promise<Answer<T>> {
  const response = await openExchange(home, question);
  const text = await readText(response);
  return { body: text === "" ? (undefined as T) : (parseJson(text) as T), headers: response.headers };
}

/** The same, but the body of a good answer is left to the caller, for streams. */
export async function openExchange(home: string, question: Question): Promise<IncomingMessage> {
  const response = await sendUnlessDying(home, question);
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return response;
  throw parseRefusal(status, await readText(response));
}

/** A killed daemon's socket lets people in until its last thread is gone. What changes nothing may be asked twice: the
 *  second time, nobody is there or another daemon is. */
async function sendUnlessDying(home: string, question: Question): Promise<IncomingMessage> {
  try {
    return await send(home, question);
  } catch (error) {
    if (question.method !== "GET" || !(error instanceof AppError) || error.id !== "unavailable") throw error;
    return send(home, question);
  }
}

function send(home: string, question: Question): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const address = openAddress(home);
    // Bytes, not text: Node would write the header in the encoding of a text that follows it.
    const body = question.body === undefined ? undefined : Buffer.from(JSON.stringify(question.body));
    const outgoing = request({
      // Without an agent: it would only work out a TLS server name, which takes 5 ms of regular expressions.
      createConnection: () => createConnection(address.path),
      method: question.method,
      path: question.path,
      headers: {
        host: "localhost",
        connection: "close",
        accept: "application/vnd.heroku+json; version=3",
        ...(body === undefined ? {} : { "content-type": "application/json", "content-length": body.length }),
        ...question.headers,
      },
      ...(question.signal === undefined ? {} : { signal: question.signal }),
    });
    outgoing.on("response", resolve);
    outgoing.on("error", (error: NodeJS.ErrnoException) => reject(explain(error)));
    outgoing.on("close", () => address.release());
    outgoing.end(body);
  });
}

function openAddress(home: string): ReturnType<typeof openSocketAddress> {
  try {
    return openSocketAddress(home);
  } catch (error) {
    throw explain(error as NodeJS.ErrnoException);
  }
}

function explain(error: NodeJS.ErrnoException): Error {
  if (NOBODY_THERE.has(error.code ?? "")) return new Unreachable(error.message, { cause: error });
  if (error.code === "EACCES") {
    return new AppError("forbidden", "This platform belongs to another user of this machine.", {
      hint: "Run the command as that user, or set GIT_HEROKU_HOME to a home of your own.",
    });
  }
  return error.code === "ECONNRESET" || error.code === "EPIPE" ? stoppedMidway(error) : error;
}

function stoppedMidway(cause: unknown): AppError {
  return new AppError("unavailable", "The platform stopped before it answered.", {
    hint: "See with `git heroku releases` whether the change was made, then try again.",
    cause,
  });
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > ANSWER_BYTES_MAX) throw new AppError("bad_request", "The platform's answer is too large.");
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof AppError ? error : stoppedMidway(error);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseRefusal(status: number, text: string): AppError {
  const refusal = parseJson(text);
  if (!isRecord(refusal) || typeof refusal["message"] !== "string") {
    return new AppError("internal_server_error", `The platform answered ${String(status)} with no explanation.`, {
      hint: "Look into `git heroku server:logs`.",
    });
  }
  const hint = typeof refusal["hint"] === "string" ? refusal["hint"] : undefined;
  return new AppError(parseErrorId(refusal["id"]), refusal["message"], { hint });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AppError("bad_request", "The platform's answer cannot be read.", {
      hint: "Another program may listen on its socket; look into `git heroku server:status`.",
      cause: error,
    });
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
