/** A question and its whole answer over a unix socket, in HTTP/1.0: the answer then ends with the connection and is never
 *  sent in pieces (RFC 9112, section 6.1). To load node:http takes a sixth of a Node start, which is for streams
 *  (docs/decisions/065-short-exchange.md). */
import { createConnection } from "node:net";

export interface RawQuestion {
  method: string;
  /** With its query. */
  path: string;
  headers: Readonly<Record<string, string>>;
  body: Buffer | undefined;
  /** After so many milliseconds it is given up: then there is no answer. */
  patienceMs?: number | undefined;
}

export interface RawAnswer {
  status: number;
  /** Names in small letters. */
  headers: Readonly<Record<string, string>>;
  body: Buffer;
}

/** The connection ended before the answer did. */
export class BrokenOff extends Error {}
/** What came is no answer, or far too large for one. */
export class NoAnswer extends Error {}

/** A sane JSON answer is far below this. */
export const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
export const HEAD_END = "\r\n\r\n";

/** @throws BrokenOff, NoAnswer, or the socket's own error when nobody listens. */
export function askShortly(socketPath: string, question: RawQuestion): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const request = formatQuestion(question, "1.0");
    const socket = createConnection(socketPath);
    const chunks: Buffer[] = [];
    let bytes = 0;
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > ANSWER_BYTES_MAX) socket.destroy(new NoAnswer("The answer is too large."));
    });
    const { patienceMs } = question;
    const giveUp = (): unknown => socket.destroy(new NoAnswer("The answer takes too long."));
    const timer = patienceMs === undefined ? undefined : setTimeout(giveUp, patienceMs);
    socket.on("error", reject);
    socket.on("end", () => {
      const answer = parseAnswer(Buffer.concat(chunks));
      if (answer instanceof Error) reject(answer);
      else resolve(answer);
    });
    // A connection that was cut off has no end.
    socket.on("close", () => {
      clearTimeout(timer);
      reject(new BrokenOff("The connection was closed."));
    });
    socket.write(request);
  });
}

/** Headers carry bytes, which Node calls latin1.
 *  @throws Error when something in the head would begin another line. */
export function formatQuestion({ method, path, headers, body }: RawQuestion, version: "1.0" | "1.1"): Buffer {
  const all = body === undefined ? headers : { ...headers, "content-length": String(body.length) };
  const lines = [
    `${method} ${path} HTTP/${version}`,
    "host: localhost",
    ...Object.entries(all).map(([name, value]) => `${name}: ${value}`),
  ];
  const odd = lines.find((line) => !/^[\t\x20-\x7e\x80-\xff]*$/.test(line));
  if (odd !== undefined || path.includes(" ")) throw new Error(`This cannot be asked: ${JSON.stringify(odd ?? path)}`);
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}${HEAD_END}`, "latin1"), body ?? Buffer.alloc(0)]);
}

/** Of all that came until the end of the connection. */
export function parseAnswer(bytes: Buffer): RawAnswer | BrokenOff | NoAnswer {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd === -1) return withoutHead(bytes);
  const head = parseHead(bytes.toString("latin1", 0, headEnd));
  if (head === undefined || head.headers["transfer-encoding"] !== undefined)
    return new NoAnswer("The answer is not HTTP/1.0.");
  const { status, headers } = head;
  const body = bytes.subarray(headEnd + HEAD_END.length);
  const length = Number(headers["content-length"] ?? body.length);
  if (body.length < length) return new BrokenOff("The answer broke off.");
  return { status, headers, body: body.subarray(0, length) };
}

function withoutHead(bytes: Buffer): BrokenOff | NoAnswer {
  const isHttp = /^(H(T(T(P|$)|$)|$)|$)/.test(bytes.toString("latin1", 0, 4));
  return isHttp ? new BrokenOff("The answer broke off.") : new NoAnswer("The answer is not HTTP/1.0.");
}

/** Up to the empty line; undefined for what is none of HTTP/1. */
export function parseHead(text: string): { status: number; headers: Record<string, string> } | undefined {
  const [first = "", ...lines] = text.split("\r\n");
  const [, status] = /^HTTP\/1\.[01] ([1-5]\d\d)(?: |$)/.exec(first) ?? [];
  const headers = parseHeaders(lines);
  return status === undefined || headers === undefined ? undefined : { status: Number(status), headers };
}

/** Undefined for a line that is none. */
function parseHeaders(lines: readonly string[]): Record<string, string> | undefined {
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [, name, value] = /^([\w!#$%&'*+.^`|~-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) return undefined;
    const key = name.toLowerCase();
    headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`;
  }
  return /^\d+$/.test(headers["content-length"] ?? "0") ? headers : undefined;
}
