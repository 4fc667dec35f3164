/** Which header fields pass through the router, and which it adds. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { RouterSettings } from "./settings.ts";

export const VIA = "1.1 git-heroku-router";
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
/** Fields of a request that the router writes itself. */
const REPLACED = new Set([
  "host",
  "expect",
  "via",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-port",
  "x-request-id",
  "x-request-start",
]);
const REQUEST_ID = /^[A-Za-z0-9+/=-]{20,200}$/;
const PROTOCOL = /^https?$/;
const REQUEST_START = /^[0-9.]{1,20}$/;
const DIGITS = /^\d{1,5}$/;

/** What is known of a request before its headers are copied. */
export interface Origin {
  readonly requestId: string;
  /** X-Forwarded-For with this client at its end. */
  readonly fwd: string;
  readonly protocol: string;
  readonly port: string;
  readonly start: string;
}

export interface OriginContext {
  settings: RouterSettings;
  readonly randomId: () => string;
  /** The router's own port. */
  readonly port: number;
}

export function originOf(request: IncomingMessage, now: number, context: OriginContext): Origin {
  const { headers } = request;
  const peer = peerOf(request.socket.remoteAddress ?? "");
  const before = single(headers["x-forwarded-for"]);
  const requestId = headers["x-request-id"] === undefined ? "" : single(headers["x-request-id"]);
  const own: Origin = {
    requestId: requestId !== "" && REQUEST_ID.test(requestId) ? requestId : context.randomId(),
    fwd: before === "" ? peer : `${before}, ${peer}`,
    protocol: "http",
    port: String(context.port),
    start: String(Math.round(now)),
  };
  return context.settings.trustedProxies.includes(peer) ? believed(headers, own) : own;
}

/** What a trusted front says about the client instead. */
function believed(headers: IncomingHttpHeaders, own: Origin): Origin {
  const given = (name: string, form: RegExp, otherwise: string): string => {
    const value = single(headers[name]);
    return form.test(value) ? value : otherwise;
  };
  return {
    ...own,
    protocol: given("x-forwarded-proto", PROTOCOL, own.protocol),
    port: given("x-forwarded-port", DIGITS, own.port),
    start: given("x-request-start", REQUEST_START, own.start),
  };
}

function peerOf(address: string): string {
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}

/** How a request is framed for the process. */
export interface RequestForm {
  readonly method: string;
  readonly path: string;
  readonly hostHeader: string;
  /** What it wants to become: `websocket`. */
  readonly upgrade: string | undefined;
}

/** Request line and fields for the app. Nothing in them can end a line: node's parser let none through. */
export function requestHead(request: IncomingMessage, form: RequestForm, origin: Origin): string {
  const { rawHeaders, headers } = request;
  const named = namedInConnection(headers.connection?.toLowerCase());
  let head = `${form.method} ${form.path} HTTP/1.1\r\nHost: ${form.hostHeader}\r\n`;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (requestFieldPasses(name) && named?.has(name.toLowerCase()) !== true) {
      head += `${name}: ${rawHeaders[index + 1] as string}\r\n`;
    }
  }
  const via = single(headers.via);
  if (headers["transfer-encoding"] !== undefined) head += "Transfer-Encoding: chunked\r\n";
  return (
    head +
    (form.upgrade === undefined
      ? "Connection: keep-alive\r\n"
      : `Connection: Upgrade\r\nUpgrade: ${form.upgrade}\r\n`) +
    `X-Request-Id: ${origin.requestId}\r\nX-Forwarded-For: ${origin.fwd}\r\nX-Forwarded-Proto: ${origin.protocol}\r\n` +
    `X-Forwarded-Port: ${origin.port}\r\nX-Request-Start: ${origin.start}\r\n` +
    `Via: ${via === "" ? VIA : `${via}, ${VIA}`}\r\n\r\n`
  );
}

/** What is known of a field by its name as it was written; clients and apps use few. */
class FieldNames<T> {
  private readonly known = new Map<string, T>();
  private readonly classify: (name: string) => T;

  constructor(classify: (name: string) => T) {
    this.classify = classify;
  }

  of(name: string): T {
    const known = this.known.get(name);
    if (known !== undefined) return known;
    const found = this.classify(name);
    if (this.known.size < KNOWN_NAMES_MAX && name.length <= KNOWN_NAME_LENGTH_MAX) this.known.set(name, found);
    return found;
  }
}

const KNOWN_NAMES_MAX = 2_000;
const KNOWN_NAME_LENGTH_MAX = 64;

const REQUEST_FIELDS = new FieldNames((written) => {
  const name = written.toLowerCase();
  if (HOP_BY_HOP.has(name) || REPLACED.has(name)) return false;
  // CGI-like servers read `X_Forwarded_For` as if it were ours.
  return !(name.includes("_") && REPLACED.has(name.replaceAll("_", "-")));
});

function requestFieldPasses(name: string): boolean {
  return REQUEST_FIELDS.of(name);
}

type ResponseField = "pass" | "drop" | "length" | "coding" | "connection" | "keep-alive" | "upgrade" | "bad";

const READ_FIELDS: Readonly<Record<string, ResponseField>> = {
  "content-length": "length",
  "transfer-encoding": "coding",
  connection: "connection",
  "keep-alive": "keep-alive",
  upgrade: "upgrade",
};
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

export function isToken(name: string): boolean {
  return TOKEN.test(name);
}

const RESPONSE_FIELDS = new FieldNames<ResponseField>((written) => {
  if (!isToken(written)) return "bad";
  const name = written.toLowerCase();
  const read = Object.hasOwn(READ_FIELDS, name) ? READ_FIELDS[name] : undefined;
  return read ?? (HOP_BY_HOP.has(name) ? "drop" : "pass");
});

/** How the router treats a field of a response. */
export function responseFieldOf(name: string): ResponseField {
  return RESPONSE_FIELDS.of(name);
}

/** The list without the fields that a Connection field, in lower case, names as this connection's own. */
export function forgetNamed(headers: string[], connection: string | undefined): string[] {
  const named = namedInConnection(connection);
  if (named === undefined) return headers;
  return headers.filter((_, index) => !named.has((headers[index - (index % 2)] as string).toLowerCase()));
}

/** The head of a 101 answer goes to the client as it came: upgrade and connection included. */
export function upgradeHead(lines: string): string {
  return `HTTP/1.1 101 Switching Protocols\r\n${lines}${lines === "" ? "" : "\r\n"}Via: ${VIA}\r\n\r\n`;
}

/** Why a request is not even routed. */
export interface Refusal {
  readonly status: number;
  readonly cause: string;
}

export const UNKNOWN_EXPECTATION: Refusal = { status: 417, cause: "unknown expectation" };
const LONG_TARGET: Refusal = { status: 414, cause: "request target too long" };
const LARGE_HEADERS: Refusal = { status: 431, cause: "headers too large" };

export function oversize(request: IncomingMessage, path: string, settings: RouterSettings): Refusal | undefined {
  if (path.length > settings.requestTargetMax) return LONG_TARGET;
  const { rawHeaders } = request;
  if (rawHeaders.length > settings.headerCountMax * 2) return LARGE_HEADERS;
  for (let index = 1; index < rawHeaders.length; index += 2) {
    if ((rawHeaders[index] as string).length > settings.headerValueMax) return LARGE_HEADERS;
  }
  return undefined;
}

function namedInConnection(value: string | undefined): ReadonlySet<string> | undefined {
  if (value === undefined || value === "keep-alive" || value === "close") return undefined;
  return new Set(
    value
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "content-length"),
  );
}

/** node joins repeated fields of these names with commas; the type does not know. */
function single(value: string | string[] | undefined): string {
  return typeof value === "string" ? value : (value?.join(", ") ?? "");
}
