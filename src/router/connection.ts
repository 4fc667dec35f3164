/** One HTTP/1.1 connection to a web process: a request at a time, kept open between them. */
import { connect, type Socket } from "node:net";
import { BodyReader, type BodySink, type Framing } from "./body-reader.ts";
import { type FailureName, unreachedBy } from "./failure.ts";
import type { RequestBody } from "./request-body.ts";
import { parseHead, parseTrailers, type ResponseHead } from "./response-head.ts";
import type { TurnEnd } from "./turn-end.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface UpstreamRequest {
  readonly method: string;
  /** Request line and fields, with the empty line. */
  readonly head: string;
  /** Whether a 101 may come. */
  readonly upgrades: boolean;
  readonly body: RequestBody | undefined;
}

/** What comes of a request. `onFailure` is the last call, as `onComplete` and `onUpgrade` are. */
export interface ResponseHandler {
  /** The request is on its way from now on. */
  onConnect(): void;
  /** 102 and 103. */
  onHint(head: ResponseHead): void;
  onHead(head: ResponseHead): void;
  /** No more has arrived for now. */
  onPause(): void;
  /** False: no more until `resume`. */
  onData(chunk: Buffer): boolean;
  onComplete(trailers: [string, string][]): void;
  onUpgrade(head: ResponseHead, socket: Socket): void;
  onFailure(failure: FailureName): void;
}

export interface ConnectionOwner {
  readonly address: Address;
  readonly connectMs: number;
  readonly responseHeadMax: number;
  readonly turnEnd: TurnEnd;
  /** It may carry another request within so many milliseconds, if the process named a time. */
  onIdle(connection: Connection, keepAliveMs: number | undefined): void;
  onClose(connection: Connection): void;
}

const HEAD_END = "\r\n\r\n";
const NEWLINE = 10;
const CARRIAGE_RETURN = 13;

export class Connection implements BodySink {
  /** Until when it may be used again, in the owner's time. */
  idleUntil = 0;
  private readonly owner: ConnectionOwner;
  private readonly socket: Socket;
  private connected = false;
  private request: UpstreamRequest | undefined;
  private handler: ResponseHandler | undefined;
  /** The part of a head that has arrived. */
  private pending: Buffer | undefined;
  private head: ResponseHead | undefined;
  private body: BodyReader | undefined;
  private error: NodeJS.ErrnoException | undefined;
  private paused = false;

  constructor(owner: ConnectionOwner) {
    this.owner = owner;
    const { host, port } = owner.address;
    this.socket = connect({ host, port, noDelay: true });
    this.socket.setTimeout(owner.connectMs, () => this.fail("H19"));
    this.socket
      .on("connect", () => this.onConnect())
      .on("data", this.onData)
      .on("error", this.onError)
      .on("close", this.onClose);
  }

  send(request: UpstreamRequest, handler: ResponseHandler): void {
    this.request = request;
    this.handler = handler;
    if (this.connected) this.write();
  }

  /** The client takes more again. */
  resume(): void {
    this.paused = false;
    this.socket.resume();
  }

  /** Nothing is said about it any more. */
  destroy(): void {
    this.handler = undefined;
    this.socket.destroy();
  }

  private onConnect(): void {
    this.connected = true;
    this.socket.setTimeout(0).removeAllListeners("timeout");
    this.write();
  }

  private write(): void {
    const { request, handler, socket } = this;
    if (request === undefined || handler === undefined) return;
    handler.onConnect();
    // That may have ended it.
    if (this.handler !== handler) return;
    if (request.body === undefined) {
      this.owner.turnEnd.atEnd(() => {
        if (this.handler === handler) socket.write(request.head, "latin1");
      });
      return;
    }
    socket.write(request.head, "latin1");
    request.body.sendTo(socket);
  }

  private readonly onData = (buffer: Buffer): void => {
    let at = 0;
    while (at < buffer.length) {
      if (this.handler === undefined) {
        // Bytes that nobody asked for.
        this.socket.destroy();
        return;
      }
      if (this.body === undefined) {
        at = this.takeHead(buffer, at);
        if (this.body === undefined) continue;
      } else at = this.body.read(buffer, at);
      this.check(buffer.length - at);
    }
    if (this.body !== undefined) this.handler?.onPause();
  };

  /** Reads the body on, or ends it; `rest` bytes of what has arrived are not its own. */
  private check(rest: number): void {
    const { body, handler } = this;
    if (body === undefined || handler === undefined) return;
    if (body.broken) this.fail("H17");
    else if (body.done) this.finish(rest);
    else if (this.paused) this.socket.pause();
  }

  onBody(chunk: Buffer): void {
    if (this.handler?.onData(chunk) === false) this.paused = true;
  }

  /** Returns how far it has read. */
  private takeHead(buffer: Buffer, at: number): number {
    const { pending } = this;
    const bytes = pending === undefined ? buffer : Buffer.concat([pending, buffer.subarray(at)]);
    const start = pending === undefined ? at : 0;
    const end = bytes.indexOf(HEAD_END, start, "latin1");
    if (end === -1) {
      this.waitForHead(bytes.subarray(start));
      return buffer.length;
    }
    this.pending = undefined;
    const next = buffer.length - (bytes.length - end - HEAD_END.length);
    if (end - start > this.owner.responseHeadMax) {
      this.fail("H25");
      return next;
    }
    const head = parseHead(bytes.toString("latin1", start, end));
    if (head?.status !== 101) {
      this.useHead(head);
      return next;
    }
    this.switchProtocol(head, buffer.subarray(next));
    return buffer.length;
  }

  private useHead(head: ResponseHead | undefined): void {
    if (head === undefined) this.fail("H17");
    else if (head.status < 200) this.handler?.onHint(head);
    else this.begin(head);
  }

  private waitForHead(bytes: Buffer): void {
    const newline = bytes.indexOf(NEWLINE);
    // A first line that is none would be waited for in vain.
    if (newline !== -1 && bytes[newline - 1] !== CARRIAGE_RETURN) this.fail("H17");
    else if (bytes.length > this.owner.responseHeadMax) this.fail("H25");
    else this.pending = bytes;
  }

  private begin(head: ResponseHead): void {
    this.head = head;
    this.body = new BodyReader(this.framing(head), this);
    this.handler?.onHead(head);
  }

  private framing({ status, chunked, length }: ResponseHead): Framing {
    if (this.request?.method === "HEAD" || status === 204 || status === 304) return 0;
    return chunked ? "chunked" : (length ?? "close");
  }

  private switchProtocol(head: ResponseHead, rest: Buffer): void {
    const { handler, socket } = this;
    if (this.request?.upgrades !== true || !head.upgrades) {
      this.fail("H23");
      return;
    }
    this.handler = undefined;
    socket.off("data", this.onData).off("error", this.onError).off("close", this.onClose);
    this.owner.onClose(this);
    socket.pause();
    if (rest.length > 0) socket.unshift(rest);
    handler?.onUpgrade(head, socket);
  }

  private finish(rest: number): void {
    const { handler, request, head, body } = this;
    this.handler = this.request = this.head = this.body = undefined;
    this.paused = false;
    const isAllSent = request?.body === undefined || !request.body.isPending;
    if (rest === 0 && isAllSent && head?.persistent === true) this.owner.onIdle(this, head.keepAliveMs);
    else this.socket.destroy();
    handler?.onComplete(parseTrailers(body?.trailers));
  }

  private fail(failure: FailureName): void {
    const { handler } = this;
    this.handler = undefined;
    this.socket.destroy();
    handler?.onFailure(failure);
  }

  private readonly onError = (error: NodeJS.ErrnoException): void => {
    this.error = error;
  };

  private readonly onClose = (): void => {
    const { handler, head, error } = this;
    this.owner.onClose(this);
    if (handler === undefined) return;
    const isWhole = head !== undefined && !head.chunked && head.length === undefined && error === undefined;
    if (isWhole) this.finish(1);
    else this.fail(this.connected ? "H13" : unreachedBy(error));
  };
}
