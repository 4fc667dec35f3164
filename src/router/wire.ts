/** What the daemon and the router process say to each other over a unix socket: one JSON object a line, in UTF-8
 *  (docs/formats.md, "Router socket"). The daemon asks with a number, the router answers with the same number, in any
 *  order; events come unasked. Keys that one side does not know are left alone by the other, so that a daemon and a
 *  router of neighbouring versions understand each other for as long as it takes to replace the router. */
import type { AppRoute } from "./route-table.ts";
import type { RouterSettings } from "./settings.ts";
import type { Address } from "./upstream.ts";

/** Raised when an older program would misunderstand a newer one. `hello`, `replace`, `drain` and `end` stay as they are
 *  in every version: they are what it takes to replace a router of another one. */
export const WIRE_VERSION = 1;

/** Where a router's socket `<id>.sock` is, below the home, and where it puts an app's access lines, below the app's
 *  directory. */
export const ROUTER_DIRECTORY = "router";

/** What a router says of itself. */
export interface RouterFacts {
  readonly wire: number;
  /** Unique on this machine for ever, sorted by the time of the start; names its socket and its spools. */
  readonly id: string;
  readonly pid: number;
  readonly port: number;
  /** Of git-heroku. */
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly phase: "serving" | "draining";
  /** The name of the files, one in each app's directory, that access lines go to from now on. */
  readonly spool: string;
}

/** The entries in force come with it, so that a daemon knows what another one has set. */
export interface RouterHello extends RouterFacts {
  readonly routes: readonly AppRoute[];
}

/** What a person tells the router of a home; limits that are left out stay as they are. */
export type HomeSettings = Pick<RouterSettings, "baseDomains" | "trustedProxies"> & Partial<HomeLimits>;
export type HomeLimits = Pick<RouterSettings, "clientKeepAliveMs" | "closeMs" | "drainMs" | "requestHeadMs">;

/** How a router is started. */
export interface RouterProgram {
  /** Absolute paths of node and of the program. */
  readonly node: string;
  readonly script: string;
}

export type RouterRequest =
  /** Begins a conversation; the router turns to new spools, so that the older ones can be read to their end. */
  | { readonly op: "hello"; readonly wire: number }
  /** Replaces the app's entry, which stays in force until the next one, whether a daemon is there or not. */
  | { readonly op: "setApp"; readonly route: AppRoute }
  | { readonly op: "removeApp"; readonly app: string }
  /** Where apps have their names, whose word is believed, and how long clients and a router that leaves may take. */
  | ({ readonly op: "configure" } & HomeSettings)
  /** These are all apps: the entries of others are removed. */
  | { readonly op: "keepApps"; readonly apps: readonly string[] }
  /** Answered true once nothing is under way to the address, false after `timeoutMs`. */
  | { readonly op: "drained"; readonly backend: Address; readonly timeoutMs: number }
  /** Hands the listening socket and all entries over to a new process of this program and drains; answered with the
   *  new one's id when it serves. */
  | { readonly op: "replace"; readonly program: RouterProgram }
  /** Accepts no more, lets everything under way finish, ends. */
  | { readonly op: "drain" }
  /** Ends soon: what is under way gets the time of `closeMs`. */
  | { readonly op: "end" };

export interface RouterResults {
  hello: RouterHello;
  setApp: null;
  removeApp: null;
  configure: null;
  keepApps: null;
  drained: boolean;
  replace: string;
  drain: null;
  end: null;
}

export type RouterOp = RouterRequest["op"];

export type TrafficEvent =
  /** A request came for an app that sleeps and is held until the app's next entry. */
  | { readonly event: "wake"; readonly app: string }
  /** Nobody has come for an app that is up for its `quietMs`. */
  | { readonly event: "quiet"; readonly app: string };

export type RouterEvent =
  | TrafficEvent
  /** From now on lines go to spools of this name; the ones before are whole. */
  | { readonly event: "spool"; readonly name: string }
  /** The socket was handed over to the router of this id; this one drains. */
  | { readonly event: "replaced"; readonly id: string };

export interface RouterCall {
  readonly id: number;
  readonly request: RouterRequest;
}

export type RouterReply =
  { readonly id: number; readonly ok: RouterResults[RouterOp] } | { readonly id: number; readonly error: string };

/** Raised for a line that is not of this protocol; the connection is of no more use then. */
export class WireError extends Error {
  override readonly name = "WireError";
}

export function formatCall({ id, request }: RouterCall): string {
  return `${JSON.stringify({ id, ...request })}\n`;
}

export function formatNotice(notice: RouterReply | RouterEvent): string {
  return `${JSON.stringify(notice)}\n`;
}

/** Reads what a daemon sent. A request that this version does not know is left to the caller, who refuses it.
 *  @throws WireError */
export function parseCall(line: string): RouterCall {
  const { id, ...request } = parseObject(line);
  if (typeof id !== "number" || typeof request["op"] !== "string") throw malformed(line);
  if (!isComplete(request)) throw malformed(line);
  const route = request["op"] === "setApp" ? { route: readRoute(request["route"]) } : {};
  return { id, request: { ...request, ...route } as unknown as RouterRequest };
}

/** Reads what a router sent.
 *  @throws WireError */
export function parseNotice(line: string): RouterReply | RouterEvent {
  const value = parseObject(line);
  const isReply = typeof value["id"] === "number" && ("ok" in value || typeof value["error"] === "string");
  if (!isReply && typeof value["event"] !== "string") throw malformed(line);
  return value as unknown as RouterReply | RouterEvent;
}

/** What an entry of an older version may leave out. */
const ROUTE_DEFAULTS = { domains: [], maintenance: false, state: "none", backends: [] } as const;

/** An entry, with the keys of other versions kept.
 *  @throws WireError */
export function readRoute(value: unknown): AppRoute {
  if (!isObject(value) || typeof value["app"] !== "string") throw malformed(JSON.stringify(value));
  return { app: value["app"], ...ROUTE_DEFAULTS, ...value };
}

type Fields = Readonly<Record<string, unknown>>;

/** Which keys a request cannot do without. */
const NEEDED: Readonly<Record<RouterOp, (request: Fields) => boolean>> = {
  hello: ({ wire }) => typeof wire === "number",
  setApp: ({ route }) => isObject(route),
  removeApp: ({ app }) => typeof app === "string",
  configure: ({ baseDomains, trustedProxies }) => Array.isArray(baseDomains) && Array.isArray(trustedProxies),
  keepApps: ({ apps }) => Array.isArray(apps),
  drained: ({ backend, timeoutMs }) => isObject(backend) && typeof timeoutMs === "number",
  replace: ({ program }) => isObject(program),
  drain: () => true,
  end: () => true,
};

function isComplete(request: Fields): boolean {
  return NEEDED[request["op"] as RouterOp]?.(request) ?? true;
}

function parseObject(line: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new WireError(`Not JSON: ${line.slice(0, 80)}`, { cause: error });
  }
  if (!isObject(value)) throw malformed(line);
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function malformed(line: string): WireError {
  return new WireError(`Not of the router's protocol: ${line.slice(0, 80)}`);
}
