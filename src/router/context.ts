/** What a request needs of the router around it, and what it arrives with. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../core/clock.ts";
import type { RouteTable } from "./route-table.ts";
import type { OriginContext } from "./headers.ts";
import type { TurnEnd } from "./turn-end.ts";

export interface ExchangeContext extends OriginContext {
  readonly table: RouteTable;
  readonly clock: Clock;
  readonly turnEnd: TurnEnd;
  /** A request waits for an app that is asleep. */
  readonly onWake: (app: string) => void;
  /** Set by `drain` and `close`: every answer is its connection's last. */
  draining: boolean;
  /** Set by `close`: nothing new is routed. */
  closing: boolean;
  /** What is still open is being cut: its time is over. */
  cutting: boolean;
}

export interface Incoming {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The client waits for `100 Continue` before it sends its body. */
  readonly expectsContinue?: boolean;
  /** It expects something that nobody here can promise. */
  readonly expectsMore?: boolean;
  /** The client's first bytes after the head of an upgrade request. */
  readonly upgradeHead?: Buffer;
}
