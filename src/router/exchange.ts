/** One request on its way: routed, perhaps held until its app is up, sent, perhaps sent again, answered, logged. */
import type { Socket } from "node:net";
import { type AccessRecord, formatAccessLine } from "./access-line.ts";
import { Answer } from "./answer.ts";
import { type Attempt, Attempts } from "./attempts.ts";
import type { Connection, ResponseHandler } from "./connection.ts";
import { Deadline } from "./deadline.ts";
import type { ExchangeContext, Incoming } from "./context.ts";
import { type Failure, type FailureName, FAILURES } from "./failure.ts";
import { type Origin, originOf, oversize, requestHead, UNKNOWN_EXPECTATION, upgradeHead } from "./headers.ts";
import type { RequestTarget } from "./host-name.ts";
import { pageFor } from "./page.ts";
import { announcesBody, type BodyWatcher, RequestBody } from "./request-body.ts";
import type { QuietWatch } from "./quiet-watch.ts";
import type { ResponseHead } from "./response-head.ts";
import type { RouteEntry, Seat, Waiter } from "./route-table.ts";
import { joinSockets } from "./tunnel.ts";
import type { Upstream } from "./upstream.ts";

export class Exchange implements AccessRecord, Waiter, BodyWatcher, ResponseHandler {
  failure: Failure | undefined;
  cause = "";
  status = 0;
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly origin: Origin;
  dyno = "";
  connectMs = -1;
  serviceMs = -1;
  bytes = -1;

  private readonly context: ExchangeContext;
  /** The one that was asked last. */
  private entry: RouteEntry;
  private readonly quiet: QuietWatch;
  private readonly incoming: Incoming;
  private readonly answer: Answer;
  private readonly head: string;
  private readonly hasBody: boolean;
  private body: RequestBody | undefined;
  private owesContinue: boolean;

  private done = false;
  private heldBy: RouteEntry | undefined;
  private holdUntil = 0;
  private readonly deadline: Deadline;

  private attempts: Attempts | undefined;
  private upstream: Upstream | undefined;
  private reused = false;
  private sentAt = 0;
  private connection: Connection | undefined;
  private connected = false;

  constructor(context: ExchangeContext, target: RequestTarget, entry: RouteEntry, incoming: Incoming) {
    const { request, response } = incoming;
    this.context = context;
    this.incoming = incoming;
    this.answer = new Answer(request, response);
    this.method = request.method ?? "GET";
    this.path = target.path;
    this.host = target.host;
    this.entry = entry;
    this.owesContinue = incoming.expectsContinue === true;
    this.origin = originOf(request, context.clock.now(), context);
    this.hasBody = incoming.upgradeHead === undefined && announcesBody(request);
    const { hostHeader, path } = target;
    const upgrade = incoming.upgradeHead === undefined ? undefined : request.headers.upgrade;
    this.head = requestHead(request, { method: this.method, path, hostHeader, upgrade }, this.origin);
    response.on("close", () => {
      if (!this.done && !response.writableFinished) this.fail(context.cutting ? "H24" : "H27");
    });
    this.deadline = new Deadline(context.clock, this);
    this.quiet = entry.quiet;
    this.quiet.begin();
  }

  start(): void {
    const { request, expectsMore } = this.incoming;
    const refusal = expectsMore === true ? UNKNOWN_EXPECTATION : oversize(request, this.path, this.entry.settings);
    if (refusal === undefined) {
      this.route();
      return;
    }
    this.cause = refusal.cause;
    this.fail("H26", refusal.status);
  }

  /** Finds a place for the request by the table of this moment; called again for every retry and when the table changes. */
  route(): void {
    if (this.done) return;
    this.heldBy = undefined;
    const { closing, table } = this.context;
    const entry = closing ? undefined : table.find(this.host);
    if (entry === undefined) {
      this.fail(closing ? "H99" : "noSuchApp");
      return;
    }
    this.entry = entry;
    const verdict = entry.decide(this.attempts);
    if (verdict === "wait") this.hold(entry);
    else if (typeof verdict === "string") this.fail(verdict);
    else this.send(verdict);
  }

  private hold(entry: RouteEntry): void {
    const { context, holdUntil } = this;
    const { settings } = entry;
    const now = context.clock.now();
    if (entry.waiting.size >= settings.heldMax) {
      this.fail("H11");
      return;
    }
    if (holdUntil === 0) this.holdUntil = now + settings.bootMs;
    entry.waiting.add(this);
    this.heldBy = entry;
    this.deadline.begin("boot", Math.max(0, this.holdUntil - now), now);
    if (entry.wantsWaking(now)) context.onWake(entry.route.app);
  }

  private send(seat: Seat): void {
    this.deadline.stop();
    this.dyno = seat.ps;
    this.upstream = seat.upstream;
    this.connected = false;
    this.connectMs = -1;
    this.sentAt = this.context.clock.now();
    if (this.hasBody) this.body = new RequestBody(this.incoming.request, this);
    const { connection, reused } = seat.upstream.take(this.sentAt);
    this.reused = reused;
    this.connection = connection;
    const { method, head, body } = this;
    connection.send({ method, head, body, upgrades: this.incoming.upgradeHead !== undefined }, this);
  }

  /** The time of what it waits for is over. */
  expired(): void {
    const { phase } = this.deadline;
    if (phase === "boot") this.fail("H20");
    else if (phase === "first byte") this.fail("H12");
    else if (phase === "upload") this.fail(this.body?.stalled === true ? "H12" : "H28");
    else this.fail(this.answer.stalled ? "H28" : "H15");
  }

  bodyMoved(): void {
    if (!this.done && this.deadline.phase === "upload") this.deadline.moved();
  }

  bodyEnded(): void {
    if (!this.done && this.deadline.phase === "upload")
      this.deadline.begin("first byte", this.entry.settings.firstByteMs);
  }

  bodyLost(): void {
    this.fail("H27");
  }

  onConnect(): void {
    const { settings } = this.entry;
    const now = this.reused ? this.sentAt : this.context.clock.now();
    this.connected = true;
    this.connectMs = now - this.sentAt;
    if (this.owesContinue) this.answer.continue();
    this.owesContinue = false;
    if (this.hasBody) this.deadline.begin("upload", settings.idleMs, now);
    else this.deadline.begin("first byte", settings.firstByteMs, now);
  }

  onHint(head: ResponseHead): void {
    this.deadline.moved();
    this.answer.hint(head);
  }

  onHead(head: ResponseHead): void {
    if (this.context.draining) this.answer.last();
    if (!this.answer.begin(head)) {
      this.fail("H17");
      return;
    }
    this.status = head.status;
    this.deadline.begin("answer", this.entry.settings.idleMs);
  }

  onPause(): void {
    this.answer.flush();
  }

  onData(chunk: Buffer): boolean {
    if (this.done) return true;
    this.deadline.moved();
    if (this.answer.write(chunk)) return true;
    const { connection } = this;
    this.answer.drained(() => {
      if (this.done) return;
      this.deadline.moved();
      connection?.resume();
    });
    return false;
  }

  onComplete(trailers: [string, string][]): void {
    if (this.done) return;
    // The line first: whoever has the whole answer finds its line, also when the router is killed then.
    this.end(undefined, this.status);
    this.context.turnEnd.atEnd(() => this.answer.complete(trailers));
  }

  onUpgrade(head: ResponseHead, backend: Socket): void {
    const { response, upgradeHead: first } = this.incoming;
    const client = response.socket;
    if (this.done || client === null || first === undefined) {
      backend.destroy();
      return;
    }
    this.deadline.stop();
    this.answer.begun = true;
    response.detachSocket(client);
    client.write(upgradeHead(head.lines), "latin1");
    const ends = { client, backend, head: first, idleMs: this.entry.settings.idleMs };
    joinSockets(ends, (bytes, idle) => {
      const { closing, cutting } = this.context;
      this.answer.bytes = bytes;
      this.end(idle ? FAILURES.H15 : closing || cutting ? FAILURES.H24 : undefined, head.status);
    });
  }

  onFailure(failure: FailureName): void {
    const { upstream } = this;
    if (this.done || upstream === undefined) return;
    if (this.answer.begun) {
      this.fail("H18");
      return;
    }
    if (!this.connected) this.connectMs = this.context.clock.now() - this.sentAt;
    this.attempts ??= new Attempts();
    if (!this.attempts.mayRepeat(this.attempt(failure, upstream))) {
      this.fail(failure);
      return;
    }
    this.release();
    this.route();
  }

  private attempt(failure: FailureName, upstream: Upstream): Attempt {
    const begun = this.body?.touched === true;
    return { failure, upstream, method: this.method, reused: this.reused, begun };
  }

  /** What followed the head cannot be read; somebody else answers. */
  malformed(status: number): void {
    if (this.done) return;
    const { connection } = this;
    this.cause = "bad body";
    this.end(FAILURES.H26, status);
    this.context.turnEnd.writeLines();
    connection?.destroy();
  }

  /** Ends the request with an error: its page when nothing was sent yet, else a cut connection. */
  private fail(name: FailureName, status: number = FAILURES[name].status): void {
    if (this.done) return;
    const failure: Failure = FAILURES[name];
    const { connection, answer } = this;
    if (this.dyno !== "" && answer.bytes < 0) answer.bytes = 0;
    this.end(failure, status);
    connection?.destroy();
    if (answer.begun || status === 499) {
      answer.cut();
      return;
    }
    // A client that still waits for `100 Continue` may or may not send its body now.
    if (this.owesContinue || this.context.draining) answer.last();
    const { app, pages } = this.entry.route;
    this.context.turnEnd.atEnd(() => answer.refuse(failure, { app, status, page: pageFor(failure, pages) }));
  }

  private end(failure: Failure | undefined, status: number): void {
    this.done = true;
    this.deadline.stop();
    const now = this.context.clock.now();
    this.quiet.end(now);
    this.heldBy?.waiting.delete(this);
    this.failure = failure;
    this.status = status;
    this.bytes = this.answer.bytes;
    if (this.connected) this.serviceMs = now - this.sentAt - this.connectMs;
    this.release();
    if (failure === undefined || failure.code !== undefined) {
      this.context.turnEnd.log(this.entry.route.app, formatAccessLine(this));
    }
  }

  private release(): void {
    this.upstream?.finished();
    this.upstream = undefined;
  }
}
