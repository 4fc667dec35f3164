/** The host of a request: `Foo.localhost:5000` → `foo.localhost`. */

const HOST = /^(?:\[[0-9a-f:.]{2,45}\]|[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?\.?)(?::\d{0,5})?$/;

/** The name in lower case without port and final dot, or undefined when the text is no host. */
function parseHost(text: string): string | undefined {
  const host = text.toLowerCase();
  if (!HOST.test(host)) return undefined;
  const portAt = host.indexOf(":", host.indexOf("]") + 1);
  const name = portAt === -1 ? host : host.slice(0, portAt);
  return name.endsWith(".") ? name.slice(0, -1) : name;
}

export interface RequestTarget {
  /** As the client wrote it: it goes to the app unchanged. */
  readonly hostHeader: string;
  /** Parsed. */
  readonly host: string;
  /** Path and query. */
  readonly path: string;
}

const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/i;

/** Where a request wants to go, or undefined when it does not say so in exactly one valid way. */
export function parseTarget(url: string, rawHeaders: readonly string[]): RequestTarget | undefined {
  const hostHeader = onlyHost(rawHeaders);
  if (hostHeader === undefined) return undefined;
  if (url.startsWith("/")) return target(hostHeader, url);
  // RFC 9112 §3.2.2: the authority in an absolute target wins over the Host header.
  const absolute = ABSOLUTE.exec(url);
  if (absolute === null) return undefined;
  const [, authority = "", rest = ""] = absolute;
  return target(authority, rest.startsWith("/") ? rest : `/${rest}`);
}

function target(hostHeader: string, path: string): RequestTarget | undefined {
  const host = parseHost(hostHeader);
  return host === undefined ? undefined : { hostHeader, host, path };
}

/** The Host header, when there is exactly one. */
function onlyHost(rawHeaders: readonly string[]): string | undefined {
  let found: string | undefined;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (name.length !== 4 || name.toLowerCase() !== "host") continue;
    if (found !== undefined) return undefined;
    found = rawHeaders[index + 1];
  }
  return found;
}
