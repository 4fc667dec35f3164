/** What a request needs of the router around it, and what it arrives with. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../core/clock.ts";
import type { RouteTable } from "./route-table.ts";
import type { RouterSettings } from "./settings.ts";

export interface ExchangeContext {
  readonly table: RouteTable;
  readonly settings: RouterSettings;
  readonly clock: Clock;
  readonly randomId: () => string;
  readonly onRequest: (app: string, line: string) => void;
  readonly port: number;
  /** Set by `drain` and `close`: every answer is its connection's last. */
  draining: boolean;
  /** Set by `close`: nothing new is routed. */
  closing: boolean;
}

export interface Incoming {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The client waits for `100 Continue` before it sends its body. */
  readonly expectsContinue?: boolean;
  /** The client's first bytes after the head of an upgrade request. */
  readonly upgradeHead?: Buffer;
}
