/** Which header fields pass through the router, and which it adds. */
import type { IncomingMessage } from "node:http";
import type { RouterSettings } from "./settings.ts";

const VIA = "1.1 git-heroku-router";
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
  readonly settings: RouterSettings;
  readonly randomId: () => string;
  /** The router's own port. */
  readonly port: number;
}

export function originOf(request: IncomingMessage, now: number, context: OriginContext): Origin {
  const { headers } = request;
  const peer = (request.socket.remoteAddress ?? "").replace(/^::ffff:/, "");
  const trusted = context.settings.trustedProxies.includes(peer);
  const before = single(headers["x-forwarded-for"]);
  const given = (name: string, form: RegExp, otherwise: string): string => {
    const value = trusted ? single(headers[name]) : "";
    return form.test(value) ? value : otherwise;
  };
  const requestId = single(headers["x-request-id"]);
  return {
    requestId: REQUEST_ID.test(requestId) ? requestId : context.randomId(),
    fwd: before === "" ? peer : `${before}, ${peer}`,
    protocol: given("x-forwarded-proto", PROTOCOL, "http"),
    port: given("x-forwarded-port", DIGITS, String(context.port)),
    start: given("x-request-start", /^[0-9.]{1,20}$/, String(now)),
  };
}

/** The flat name, value list for the app. */
export function requestHeaders(request: IncomingMessage, hostHeader: string, origin: Origin): string[] {
  const { rawHeaders } = request;
  const named = namedInConnection(request.headers.connection);
  const headers = ["Host", hostHeader];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (passes(name.toLowerCase(), named)) headers.push(name, rawHeaders[index + 1] as string);
  }
  const via = single(request.headers.via);
  headers.push(
    "X-Request-Id",
    origin.requestId,
    "X-Forwarded-For",
    origin.fwd,
    "X-Forwarded-Proto",
    origin.protocol,
    "X-Forwarded-Port",
    origin.port,
    "X-Request-Start",
    origin.start,
    "Via",
    via === "" ? VIA : `${via}, ${VIA}`,
  );
  return headers;
}

function passes(name: string, named: ReadonlySet<string> | undefined): boolean {
  if (HOP_BY_HOP.has(name) || REPLACED.has(name)) return false;
  // CGI-like servers read `X_Forwarded_For` as if it were ours.
  if (name.includes("_") && REPLACED.has(name.replaceAll("_", "-"))) return false;
  return named === undefined || !named.has(name);
}

/** The flat name, value list for the client, from undici's raw pairs. */
export function responseHeaders(raw: readonly Buffer[]): string[] {
  const headers: string[] = [];
  const named = namedInConnection(connectionOf(raw));
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] as Buffer).toString("latin1");
    const lower = name.toLowerCase();
    if (HOP_BY_HOP.has(lower) || named?.has(lower) === true) continue;
    headers.push(name, (raw[index + 1] as Buffer).toString("latin1"));
  }
  headers.push("Via", VIA);
  return headers;
}

/** The head of a 101 answer goes to the client as it came: upgrade and connection included. */
export function upgradeHead(status: number, raw: readonly Buffer[]): string {
  let head = `HTTP/1.1 ${String(status)} Switching Protocols\r\n`;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    head += `${(raw[index] as Buffer).toString("latin1")}: ${(raw[index + 1] as Buffer).toString("latin1")}\r\n`;
  }
  return `${head}Via: ${VIA}\r\n\r\n`;
}

/** Trailer fields as node wants them: pairs. */
export function trailerPairs(raw: readonly (Buffer | string)[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) pairs.push([String(raw[index]), String(raw[index + 1])]);
  return pairs;
}

/** The status to refuse an oversize head with, or undefined. */
export function oversize(request: IncomingMessage, path: string, settings: RouterSettings): number | undefined {
  if (path.length > settings.requestTargetMax) return 414;
  const { rawHeaders } = request;
  if (rawHeaders.length > settings.headerCountMax * 2) return 431;
  for (let index = 1; index < rawHeaders.length; index += 2) {
    if ((rawHeaders[index] as string).length > settings.headerValueMax) return 431;
  }
  return undefined;
}

function connectionOf(raw: readonly Buffer[]): string | undefined {
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] as Buffer;
    if (name.length === 10 && name.toString("latin1").toLowerCase() === "connection") {
      return (raw[index + 1] as Buffer).toString("latin1");
    }
  }
  return undefined;
}

function namedInConnection(value: string | undefined): ReadonlySet<string> | undefined {
  if (value === undefined || value === "keep-alive" || value === "close") return undefined;
  return new Set(
    value
      .toLowerCase()
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "content-length"),
  );
}

/** node joins repeated fields of these names with commas; the type does not know. */
function single(value: string | string[] | undefined): string {
  return typeof value === "string" ? value : (value?.join(", ") ?? "");
}
