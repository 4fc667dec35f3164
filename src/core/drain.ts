/** Log drains: where an app's log is sent (Dev Center, "Log Drains"). A drain's URL may be its secret, so it is shown
 *  masked everywhere: in listings, in logs and in errors. */
import { AppError } from "./error.ts";
import { isJsonObject, type Json } from "./json.ts";

/** For each app, as Heroku has it. */
export const DRAINS_MAX = 5;
const URL_LENGTH_MAX = 1000;

/** RFC 6587 names no port of its own; 514 is what receivers use. RFC 5425 has 6514. */
const SYSLOG_PORT = 514;
const SYSLOG_TLS_PORT = 6514;

/** A segment of a path that is so long is taken for a key: some receivers have theirs there. */
const KEY_LENGTH_MIN = 20;
const MASK = "****";

export interface HttpTarget {
  kind: "http";
  isEncrypted: boolean;
  host: string;
  port: number;
  /** With its query. */
  path: string;
  /** `user:password` */
  auth: string | undefined;
}

export interface SyslogTarget {
  kind: "syslog";
  isEncrypted: boolean;
  host: string;
  port: number;
}

export type DrainTarget = HttpTarget | SyslogTarget;

/** As it is stored. */
export interface StoredDrain {
  /** A UUID. */
  id: string;
  /** `d.` and a UUID: receivers know the drain by it. */
  token: string;
  /** RFC 3339. */
  createdAt: string;
  /** Encrypted. */
  url: string;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What `drains.json` says, in the order in which they were added. */
export function readDrains(stored: Json | undefined): StoredDrain[] {
  if (!isJsonObject(stored)) return [];
  const drains: StoredDrain[] = [];
  for (const [id, value] of Object.entries(stored)) {
    if (!UUID.test(id) || !isJsonObject(value)) continue;
    const { token, createdAt, url } = value;
    if (typeof token !== "string" || typeof createdAt !== "string" || typeof url !== "string") continue;
    drains.push({ id, token, createdAt, url });
  }
  return drains.sort((a, b) => (a.createdAt + a.id < b.createdAt + b.id ? -1 : 1));
}

export function storeDrains(drains: readonly StoredDrain[]): Json {
  return Object.fromEntries(drains.map(({ id, token, createdAt, url }) => [id, { token, createdAt, url }]));
}

/** @throws AppError invalid_params; nothing of the text is told but its scheme. */
export function parseDrainUrl(text: string): DrainTarget {
  const url = readUrl(text);
  if (url === undefined) throw refused("That is no URL.");
  if (/^https?:$/.test(url.protocol)) return httpTarget(url);
  if (/^syslog(\+tls)?:$/.test(url.protocol)) return syslogTarget(url);
  throw refused(`${url.protocol}// is nothing that a drain can speak.`);
}

function readUrl(text: string): URL | undefined {
  if (text.length > URL_LENGTH_MAX || !/^[\x21-\x7e]+$/.test(text)) return undefined;
  try {
    return new URL(text);
  } catch {
    // Its message would quote the text.
    return undefined;
  }
}

function httpTarget(url: URL): HttpTarget {
  const isEncrypted = url.protocol === "https:";
  return {
    kind: "http",
    isEncrypted,
    host: bareHost(url),
    port: url.port === "" ? (isEncrypted ? 443 : 80) : Number(url.port),
    path: `${url.pathname}${url.search}`,
    auth: url.username === "" && url.password === "" ? undefined : `${plain(url.username)}:${plain(url.password)}`,
  };
}

function plain(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw refused("The user or the password in that URL is badly encoded.");
  }
}

function syslogTarget(url: URL): SyslogTarget {
  const isEncrypted = url.protocol === "syslog+tls:";
  const host = bareHost(url);
  if (host === "" || host.includes("%")) throw refused("That URL has no host name.");
  if (url.username !== "" || url.password !== "" || !/^\/?$/.test(url.pathname) || url.search !== "")
    throw refused(`A ${url.protocol}// drain has a host and a port and nothing else.`);
  const usual = isEncrypted ? SYSLOG_TLS_PORT : SYSLOG_PORT;
  const port = url.port === "" ? usual : Number(url.port);
  if (port === 0) throw refused("Nobody can listen on port 0.");
  return { kind: "syslog", isEncrypted, host, port };
}

/** Without the brackets of an IPv6 address. */
function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}

function refused(why: string): AppError {
  return new AppError("invalid_params", why, {
    hint: "Write syslog://HOST:PORT, syslog+tls://HOST:PORT, https://USER:PASSWORD@HOST/PATH or http://HOST/PATH, in at most 1000 characters.",
  });
}

/** The URL without what may be secret: user, password, values of the query, long segments of the path. */
export function maskDrainUrl(text: string): string {
  const url = readUrl(text);
  if (url === undefined) return MASK;
  const user = url.username === "" && url.password === "" ? "" : url.password === "" ? `${MASK}@` : `${MASK}:${MASK}@`;
  const path = url.pathname.split("/").map((part) => (part.length < KEY_LENGTH_MIN ? part : MASK));
  const query = url.search
    .slice(1)
    .split("&")
    .map((part) => (part.includes("=") ? `${part.slice(0, part.indexOf("="))}=${MASK}` : MASK));
  return `${url.protocol}//${user}${url.host}${path.join("/")}${url.search === "" ? "" : `?${query.join("&")}`}`;
}
