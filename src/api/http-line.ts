/** The line to a platform elsewhere: HTTP or HTTPS to its URL, where a token says who asks. */
import type { IncomingMessage, RequestOptions } from "node:http";
import type { Readable } from "node:stream";
import { AppError } from "../core/error.ts";
import { readAll, stoppedMidway } from "./exchange.ts";
import type { Line } from "./line.ts";
import { ANSWER_BYTES_MAX, type RawAnswer, type RawQuestion } from "./short-exchange.ts";
import { upgradeBy } from "./upgrade.ts";

export interface HttpPlace {
  /** `https://heroku.foobazco.com:5001` */
  url: string;
  token: string | undefined;
}

/** The connection broke when somebody was there, who may have done it. */
const CUT_OFF = new Set(["ECONNRESET", "EPIPE"]);

export function httpLine(place: HttpPlace): Line {
  return {
    ask: (question) => ask(place, question),
    send: (question, stream) => send(place, question, stream),
    upgrade: (path) => upgradeBy(wayTo(place), path).catch((error: unknown) => Promise.reject(explain(place, error))),
  };
}

function wayTo({ url, token }: HttpPlace): RequestOptions {
  const { protocol, hostname, port, host } = new URL(url);
  return {
    protocol,
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port,
    agent: false,
    headers: { host, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
  };
}

async function ask(place: HttpPlace, question: RawQuestion): Promise<RawAnswer> {
  const response = await send(place, question);
  return { status: response.statusCode ?? 0, headers: {}, body: await readAll(response, ANSWER_BYTES_MAX) };
}

async function send(place: HttpPlace, question: RawQuestion, stream?: Readable): Promise<IncomingMessage> {
  const { method, path, headers, body, patienceMs } = question;
  const way = wayTo(place);
  const { request } = way.protocol === "https:" ? await import("node:https") : await import("node:http");
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "content-length": body.length };
    const fixed = way.headers as Record<string, string>;
    const outgoing = request({
      ...way,
      method,
      path,
      headers: { connection: "close", ...length, ...headers, ...fixed },
    });
    outgoing.on("response", resolve).on("error", (error) => reject(explain(place, error)));
    if (patienceMs !== undefined) outgoing.setTimeout(patienceMs, () => outgoing.destroy(new Error("Too late.")));
    if (stream === undefined) outgoing.end(body);
    else stream.on("error", (error) => outgoing.destroy(error)).pipe(outgoing);
  });
}

function explain({ url }: HttpPlace, reason: unknown): Error {
  const error = reason as NodeJS.ErrnoException;
  if (error instanceof AppError) return error;
  if (CUT_OFF.has(error.code ?? "")) return stoppedMidway(error);
  const isDistrust = /CERT|SELF_SIGNED|UNABLE_TO|ALTNAME/.test(error.code ?? "");
  return new AppError("unavailable", `${url} cannot be reached: ${error.message}`, {
    hint: isDistrust
      ? "Name the file of the authority that signed its certificate: NODE_EXTRA_CA_CERTS=FILE, for git GIT_SSL_CAINFO=FILE."
      : "Is the address right, and the platform running?",
    cause: error,
  });
}
