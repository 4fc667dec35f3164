/** The line to a platform by its URL, with a token. */
import type { ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import type { Readable } from "node:stream";
import { AppError } from "../core/error.ts";
import { readAll, stoppedMidway } from "./exchange.ts";
import type { Line } from "./line.ts";
import { ANSWER_BYTES_MAX, type RawQuestion } from "./short-exchange.ts";
import { awaitUpgrade, UPGRADE_HEADERS } from "./upgrade.ts";

interface Way {
  url: string;
  token: () => string | undefined;
}

const CUT_OFF = new Set(["ECONNRESET", "EPIPE"]);

/** @param token looked for when it is first needed; undefined when nobody knows one */
export function urlLine(url: string, token: () => string | undefined): Line {
  const way = { url, token };
  return {
    ask: async (question) => {
      const response = await send(way, question);
      return { status: response.statusCode ?? 0, headers: {}, body: await readAll(response, ANSWER_BYTES_MAX) };
    },
    send: (question, stream) => send(way, question, stream),
    upgrade: async (path) => explained(url, awaitUpgrade(await request(way, { path, headers: UPGRADE_HEADERS }))),
  };
}

async function send(way: Way, question: RawQuestion, stream?: Readable): Promise<IncomingMessage> {
  const { method, path, headers, body, patienceMs } = question;
  const length = body === undefined ? {} : { "content-length": body.length };
  const outgoing = await request(way, { method, path, headers: { connection: "close", ...length, ...headers } });
  if (patienceMs !== undefined) outgoing.setTimeout(patienceMs, () => outgoing.destroy(tooLate()));
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.on("response", resolve).on("error", reject);
  });
  if (stream === undefined) outgoing.end(body);
  else stream.on("error", (error) => outgoing.destroy(error)).pipe(outgoing);
  return explained(way.url, answer);
}

async function request(
  { url, token }: Way,
  { headers, path, ...options }: Omit<RequestOptions, "headers"> & { headers: Record<string, string | number> },
): Promise<ClientRequest> {
  const { request: start } = url.startsWith("https:") ? await import("node:https") : await import("node:http");
  const known = token();
  const authorization = known === undefined ? {} : { authorization: `Bearer ${known}` };
  return start(new URL(path ?? "/", url), { ...options, agent: false, headers: { ...headers, ...authorization } });
}

async function explained<T>(url: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw CUT_OFF.has((error as NodeJS.ErrnoException).code ?? "")
      ? stoppedMidway(error)
      : notReached(url, error as Error);
  }
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

function tooLate(): AppError {
  return new AppError("unavailable", "The platform's answer takes too long.");
}
