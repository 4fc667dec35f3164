/** The head of an HTTP/1 response (RFC 9112), read from one string. Only what decides about the connection and the body
 *  is understood; all else passes through as it came. */
import { forgetNamed, isToken, responseFieldOf, VIA } from "./headers.ts";

export interface ResponseHead {
  readonly status: number;
  readonly reason: string;
  /** Flat name, value list for the client: without the hop-by-hop fields, with the router's Via. */
  readonly headers: string[];
  /** The field lines as they came. */
  readonly lines: string;
  /** Content-Length; undefined when it was not given. */
  readonly length: number | undefined;
  readonly chunked: boolean;
  /** The process keeps the connection open, and for how long at most, in milliseconds, if it said so. */
  readonly persistent: boolean;
  readonly keepAliveMs: number | undefined;
  readonly upgrades: boolean;
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: (.*))?$/;
const LENGTH = /^\d{1,15}$/;
const KEEP_ALIVE_TIMEOUT = /\btimeout=(\d{1,6})\b/i;

/** Undefined when it is no HTTP/1 head, or its framing can be read in more than one way.
 *  @param text without the empty line at its end */
export function parseHead(text: string): ResponseHead | undefined {
  const lineEnd = endOfLine(text, 0);
  const match = STATUS_LINE.exec(text.slice(0, lineEnd));
  if (match === null) return undefined;
  const fields = new Fields();
  for (let at = lineEnd + 2; at < text.length;) {
    const end = endOfLine(text, at);
    const colon = text.indexOf(":", at);
    if (colon === -1 || colon >= end || !fields.add(text.slice(at, colon), fieldValue(text, colon + 1, end))) {
      return undefined;
    }
    at = end + 2;
  }
  return fields.head(match, text.slice(lineEnd + 2));
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf("\r\n", from);
  return end === -1 ? text.length : end;
}

/** Without the spaces and tabs around it; `trim` would also take bytes of other letters. */
function fieldValue(text: string, from: number, to: number): string {
  let [start, end] = [from, to];
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

class Fields {
  private readonly headers: string[] = [];
  private length: string | undefined;
  private coding: string | undefined;
  private connection: string | undefined;
  private keepAlive: string | undefined;
  private upgrades = false;
  /** False when it can be read in more than one way. */
  add(name: string, value: string): boolean {
    const field = responseFieldOf(name);
    if (field === "pass") this.headers.push(name, value);
    else if (field === "length") return this.takeLength(name, value);
    else if (field === "coding") return this.takeCoding(value);
    else if (field === "connection")
      this.connection = this.connection === undefined ? value : `${this.connection}, ${value}`;
    else if (field === "keep-alive") this.keepAlive = value;
    else if (field === "upgrade") this.upgrades = true;
    return field !== "bad";
  }

  private takeLength(name: string, value: string): boolean {
    if (this.length !== undefined || !LENGTH.test(value)) return false;
    this.length = value;
    this.headers.push(name, value);
    return true;
  }

  /** Another coding than chunks would reach the client with nothing that tells it. */
  private takeCoding(value: string): boolean {
    this.coding = value.toLowerCase();
    return this.coding === "chunked";
  }

  head(statusLine: RegExpExecArray, lines: string): ResponseHead | undefined {
    const [, minor, status, reason = ""] = statusLine;
    const chunked = this.coding !== undefined;
    if (chunked && (this.length !== undefined || minor === "0")) return undefined;
    const connection = this.connection?.toLowerCase();
    const headers = forgetNamed(this.headers, connection);
    headers.push("Via", VIA);
    return {
      status: Number(status),
      reason,
      headers,
      lines,
      length: optionalNumber(this.length),
      chunked,
      persistent: minor === "1" ? !hasWord(connection, "close") : hasWord(connection, "keep-alive"),
      keepAliveMs: this.keepAlive === undefined ? undefined : keepAliveOf(this.keepAlive),
      upgrades: this.upgrades,
    };
  }
}

function optionalNumber(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

function keepAliveOf(value: string): number | undefined {
  const timeout = KEEP_ALIVE_TIMEOUT.exec(value)?.[1];
  return timeout === undefined ? undefined : Number(timeout) * 1000;
}

function hasWord(list: string | undefined, word: string): boolean {
  if (list === undefined || list === word) return list === word;
  if (list === "keep-alive" || list === "close") return false;
  return list.split(",").some((item) => item.trim() === word);
}

/** Trailer lines as pairs; those that are no fields are left out. */
export function parseTrailers(lines: readonly string[] | undefined): [string, string][] {
  if (lines === undefined || lines.length === 0) return [];
  return lines.flatMap((line) => {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon));
    return isToken(name) ? [[name, fieldValue(line, colon + 1, line.length)] as [string, string]] : [];
  });
}
