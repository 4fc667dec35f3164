/** Log sessions: secret URLs at which Heroku's clients read a log as a stream of events. The URL says everything, so it is
 *  good across a restart of the daemon; what is remembered here is only who may come back to one. */
import { randomUUID } from "node:crypto";
import { AppError } from "../core/error.ts";
import type { Clock } from "../core/clock.ts";
import type { App } from "./app.ts";
import type { Tickets } from "./tickets.ts";
import type { Bearer } from "./visitor.ts";

/** For so long it can be opened, and for so long after a connection broke it can be opened again. */
const OPEN_MS = 5 * 60_000;
/** Nobody comes back later than that. */
const RESUME_MS_MAX = 24 * 3_600_000;

export interface LogSessionOrder {
  lines: number;
  tail: boolean;
  /** `web.1`, or `web` for all of its type. */
  ps: string | undefined;
  source: "app" | "heroku" | undefined;
  /** Who asks. */
  bearer: Bearer;
}

export interface LogSession extends LogSessionOrder {
  id: string;
  /** Its id. */
  app: string;
}

export class LogSessions {
  readonly #clock: Clock;
  readonly #tickets: Tickets;
  readonly #startedAt: number;
  /** Id → when somebody read it last; infinite while somebody does. */
  readonly #seen = new Map<string, number>();

  constructor(clock: Clock, tickets: Tickets) {
    this.#clock = clock;
    this.#tickets = tickets;
    this.#startedAt = clock.now();
  }

  /** @returns its id and the ticket that opens it */
  async create(app: App, order: LogSessionOrder): Promise<{ id: string; ticket: string }> {
    const id = randomUUID();
    const { lines, tail, ps = null, source = null, bearer } = order;
    const facts = { id, app: app.id, at: this.#clock.now(), lines, tail, ps, source, bearer };
    const write = await this.#tickets.writer();
    return { id, ticket: write("log", facts) };
  }

  /** @param isResumed whether its client has read some of it
   *  @throws AppError not_found for what is no session, or expired */
  async open(ticket: string, isResumed: boolean): Promise<LogSession> {
    const facts = await this.#tickets.read("log", ticket);
    if (facts === undefined) throw expired();
    const { id, at, app, lines, tail } = facts;
    if (!this.#mayOpen(id, at, isResumed)) throw expired();
    const { ps, source, bearer } = facts;
    return { id, app, lines, tail, ps: ps ?? undefined, source: source ?? undefined, bearer };
  }

  /** From now on until `left` it is read. */
  entered({ id }: LogSession): void {
    this.#seen.set(id, Number.POSITIVE_INFINITY);
  }

  left({ id }: LogSession): void {
    const now = this.#clock.now();
    this.#seen.set(id, now);
    for (const [other, seen] of this.#seen) if (now - seen > OPEN_MS) this.#seen.delete(other);
  }

  #mayOpen(id: string, at: number, isResumed: boolean): boolean {
    const now = this.#clock.now();
    if (now - at < OPEN_MS) return true;
    if (!isResumed || now - at > RESUME_MS_MAX) return false;
    // A daemon that has just started does not know whom the one before it served.
    const seen = this.#seen.get(id) ?? this.#startedAt;
    return now - seen < OPEN_MS;
  }
}

function expired(): AppError {
  return new AppError("not_found", "This log session has expired.", {
    hint: "Ask for another one: POST /apps/APP/log-sessions.",
    resource: "log_session",
  });
}
