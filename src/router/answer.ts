/** The client's side of an exchange: the app's answer passes through here, or a page of the router's own. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Failure } from "./failure.ts";
import type { ResponseHead } from "./response-head.ts";
import { answerFailure, type PageRequest } from "./page.ts";

/** Bodies up to this go out in one piece with their heads, in bytes. */
const TOGETHER_MAX = 16 * 1024;

export class Answer {
  /** The client has the head of the app's answer. */
  begun = false;
  /** The client does not take more for now. */
  stalled = false;
  /** Of the body; negative before the head. */
  bytes = -1;
  private readonly request: IncomingMessage;
  private readonly response: ServerResponse;
  private flowing = false;
  /** The first piece of the body: it is mostly the only one. */
  private first: Buffer | undefined;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.request = request;
    this.response = response;
  }

  continue(): void {
    this.response.writeContinue();
  }

  /** 102 and 103; 100 is between the client and the router. */
  hint({ status, headers }: ResponseHead): void {
    if (this.request.httpVersionMinor === 0) return;
    if (status === 102) this.response.writeProcessing();
    if (status !== 103) return;
    const links = headers.filter((_, index) => index % 2 === 1 && headers[index - 1]?.toLowerCase() === "link");
    if (links.length > 0) this.response.writeEarlyHints({ link: links });
  }

  /** False when node refuses to write such a head. */
  begin({ status, reason, headers }: ResponseHead): boolean {
    try {
      this.response.writeHead(status, reason, headers);
    } catch {
      return false;
    }
    this.begun = true;
    this.bytes = 0;
    return true;
  }

  /** False when the client has enough for now; `drained` then says when it goes on. */
  write(chunk: Buffer): boolean {
    this.bytes += chunk.length;
    if (!this.flowing && this.first === undefined && chunk.length <= TOGETHER_MAX) {
      this.first = chunk;
      return true;
    }
    this.flush();
    this.stalled = !this.response.write(chunk);
    return !this.stalled;
  }

  drained(goOn: () => void): void {
    this.response.once("drain", () => {
      this.stalled = false;
      goOn();
    });
  }

  complete(trailers: [string, string][]): void {
    const { response, first } = this;
    if (trailers.length > 0 && response.chunkedEncoding) {
      this.flush();
      response.addTrailers(trailers);
    }
    const isAll = !this.flowing && first !== undefined;
    this.flowing = true;
    // Node sends a head and a text together in one piece.
    if (isAll) response.end(first.toString("latin1"), "latin1");
    else response.end();
  }

  /** The connection closes after this answer. */
  last(): void {
    this.response.shouldKeepAlive = false;
  }

  refuse(failure: Failure, request: PageRequest): void {
    answerFailure(this.response, failure, request);
  }

  /** Ends the connection so that the client notices: to HTTP/1.0 an ordinary close looks like the end of the body. */
  cut(): void {
    if (this.request.httpVersionMinor === 0) this.response.socket?.resetAndDestroy();
    this.response.destroy();
  }

  /** Sends what waits for company: the head and the beginning of the body are mostly in one packet with the end. */
  flush(): void {
    if (this.flowing) return;
    this.flowing = true;
    if (this.first === undefined) this.response.flushHeaders();
    else this.response.write(this.first);
  }
}
