/** Log drains: where an app's log is sent (Dev Center, "Log Drains"). */
import { AppError } from "./error.ts";
import { bareHost, httpTarget, readUrl, type HttpTarget } from "./http-target.ts";
import { isJsonObject, type Json } from "./json.ts";

/** For each app, as Heroku has it. */
export const DRAINS_MAX = 5;

/** RFC 6587 names no port of its own; 514 is what receivers use. RFC 5425 has 6514. */
const SYSLOG_PORT = 514;
const SYSLOG_TLS_PORT = 6514;

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
  if (/^https?:$/.test(url.protocol)) return httpTarget(url) ?? badlyEncoded();
  if (/^syslog(\+tls)?:$/.test(url.protocol)) return syslogTarget(url);
  throw refused(`${url.protocol}// is nothing that a drain can speak.`);
}

function badlyEncoded(): never {
  throw refused("The user or the password in that URL is badly encoded.");
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

function refused(why: string): AppError {
  return new AppError("invalid_params", why, {
    hint: "Write syslog://HOST:PORT, syslog+tls://HOST:PORT, https://USER:PASSWORD@HOST/PATH or http://HOST/PATH, in at most 1000 characters.",
  });
}
