/** How a request gets to a platform: over the unix socket of its home, or to its URL with a token. */
import type { ClientRequest, RequestOptions } from "node:http";
import { createConnection } from "node:net";
import { isUrl } from "../core/platform-address.ts";
import { openSocketAddress, type SocketAddress } from "./socket-address.ts";

export interface PlatformPlace {
  home: string;
  /** Of a platform elsewhere, in place of the home. */
  url: string | undefined;
  token: string | undefined;
}

export interface Reach {
  request(
    options: Omit<RequestOptions, "headers"> & { headers: Readonly<Record<string, string | number>> },
  ): ClientRequest;
  /** To be called once the connection is over. */
  release(): void;
}

/** @param home a directory, or a URL */
export function placeOf(home: string, token: (() => string | undefined) | undefined): PlatformPlace {
  return isUrl(home) ? { home, url: home, token: token?.() } : { home, url: undefined, token: undefined };
}

type Explain = (error: NodeJS.ErrnoException) => Error;

/** @throws what the error of the socket's path is explained as */
export function openAddress(home: string, explain: Explain): SocketAddress {
  try {
    return openSocketAddress(home);
  } catch (error) {
    throw explain(error as NodeJS.ErrnoException);
  }
}

export async function openReach(place: PlatformPlace, explain: Explain): Promise<Reach> {
  return place.url === undefined ? onSocket(place.home, explain) : elsewhere(place.url, place.token);
}

async function onSocket(home: string, explain: Explain): Promise<Reach> {
  const { request } = await import("node:http");
  const address = openAddress(home, explain);
  return {
    request: ({ headers, ...options }) =>
      request({
        ...options,
        // Without an agent: it would only work out a TLS server name, which takes 5 ms of regular expressions.
        createConnection: () => createConnection(address.path),
        headers: { host: "localhost", ...headers },
      }),
    release: () => address.release(),
  };
}

async function elsewhere(url: string, token: string | undefined): Promise<Reach> {
  const isSecure = url.startsWith("https:");
  const { request } = isSecure ? await import("node:https") : await import("node:http");
  const authorization: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return {
    request: ({ headers, path, ...options }) =>
      request(new URL(path ?? "/", url), { ...options, agent: false, headers: { ...headers, ...authorization } }),
    release: () => undefined,
  };
}
