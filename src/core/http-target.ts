/** Where something is sent by HTTP. Such a URL may be a secret, so it is shown masked everywhere: in listings, in logs and in
 *  errors, and no error quotes it. */

const URL_LENGTH_MAX = 1000;
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

/** Undefined for what is no URL, or too long. */
export function readUrl(text: string): URL | undefined {
  if (text.length > URL_LENGTH_MAX || !/^[\x21-\x7e]+$/.test(text)) return undefined;
  try {
    return new URL(text);
  } catch {
    // Its message would quote the text.
    return undefined;
  }
}

/** Of an http or https URL; undefined where user or password are badly encoded. */
export function httpTarget(url: URL): HttpTarget | undefined {
  const isEncrypted = url.protocol === "https:";
  const [user, password] = [plain(url.username), plain(url.password)];
  if (user === undefined || password === undefined) return undefined;
  return {
    kind: "http",
    isEncrypted,
    host: bareHost(url),
    port: url.port === "" ? (isEncrypted ? 443 : 80) : Number(url.port),
    path: `${url.pathname}${url.search}`,
    auth: user === "" && password === "" ? undefined : `${user}:${password}`,
  };
}

function plain(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

/** Without the brackets of an IPv6 address. */
export function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}

/** The URL without what may be secret: user, password, values of the query, long segments of the path. */
export function maskUrl(text: string): string {
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
