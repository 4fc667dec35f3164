/** Every limit of the router in one record; the defaults are Heroku's where Heroku documents one. Times are in
 *  milliseconds, sizes in bytes. */

/** What an app may have otherwise. */
export type AppLimits = Pick<
  RouterSettings,
  "connectMs" | "firstByteMs" | "idleMs" | "bootMs" | "heldMax" | "inFlightMax"
>;

export interface RouterSettings {
  /** An app is served as `<app>.<base domain>` for each of these. */
  readonly baseDomains: readonly string[];
  /** Peers whose X-Forwarded-Proto, X-Forwarded-Port and X-Request-Start are believed: a TLS front. */
  readonly trustedProxies: readonly string[];
  /** H22: requests under way at one web process, upgraded connections included. */
  readonly inFlightMax: number;
  /** H19: to connect to a web process. */
  readonly connectMs: number;
  /** H12: from the last byte of the request to the first of the response. */
  readonly firstByteMs: number;
  /** H15 and H28: silence in the middle of a body or of an upgraded connection. */
  readonly idleMs: number;
  /** H20: how long a request waits for a starting app. */
  readonly bootMs: number;
  /** H11: requests of one app that may wait for its start. */
  readonly heldMax: number;
  /** To receive a request's head, against clients that send it drop by drop (checked twice a minute). */
  readonly requestHeadMs: number;
  /** An idle connection of a client. */
  readonly clientKeepAliveMs: number;
  /** An idle connection to a web process: below the 5 s after which common servers close theirs, so that no
   *  request meets the closing; a shorter `Keep-Alive: timeout=` of the process is obeyed. */
  readonly backendKeepAliveMs: number;
  readonly requestTargetMax: number;
  readonly headerValueMax: number;
  readonly headerCountMax: number;
  /** The whole head of a request. */
  readonly requestHeadMax: number;
  /** H25: the whole head of a response. */
  readonly responseHeadMax: number;
  /** How long `close` lets running requests finish. */
  readonly closeMs: number;
  /** How long `drain` lets requests, downloads and upgraded connections go on. */
  readonly drainMs: number;
}

export const DEFAULT_ROUTER_SETTINGS: RouterSettings = {
  baseDomains: ["localhost"],
  trustedProxies: [],
  inFlightMax: 10_000,
  connectMs: 5_000,
  firstByteMs: 30_000,
  idleMs: 55_000,
  bootMs: 75_000,
  heldMax: 1_000,
  requestHeadMs: 30_000,
  clientKeepAliveMs: 90_000,
  backendKeepAliveMs: 4_000,
  requestTargetMax: 8 * 1024,
  headerValueMax: 8 * 1024,
  headerCountMax: 1_000,
  requestHeadMax: 64 * 1024,
  responseHeadMax: 512 * 1024,
  closeMs: 30_000,
  drainMs: 600_000,
};
