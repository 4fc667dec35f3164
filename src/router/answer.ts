/** The client's side of an exchange: the app's answer passes through here, or a page of the router's own. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Failure } from "./failure.ts";
import { responseHeaders, trailerPairs } from "./headers.ts";
import { answerFailure, type PageRequest } from "./page.ts";

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

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.request = request;
    this.response = response;
  }

  continue(): void {
    this.response.writeContinue();
  }

  /** 102 and 103; 100 is between the client and the router. */
  hint(status: number, raw: readonly Buffer[]): void {
    if (this.request.httpVersionMinor === 0) return;
    if (status === 102) this.response.writeProcessing();
    if (status !== 103) return;
    const headers = responseHeaders(raw);
    const links = headers.filter((_, index) => index % 2 === 1 && headers[index - 1]?.toLowerCase() === "link");
    if (links.length > 0) this.response.writeEarlyHints({ link: links });
  }

  /** False when node refuses to write such a head. */
  begin(status: number, reason: string, raw: readonly Buffer[]): boolean {
    try {
      this.response.writeHead(status, reason, responseHeaders(raw));
    } catch {
      return false;
    }
    this.begun = true;
    this.bytes = 0;
    // The head waits for the first chunk, which is mostly in the same packet, but no longer than this turn.
    process.nextTick(flush, this);
    return true;
  }

  /** False when the client has enough for now; `drained` then says when it goes on. */
  write(chunk: Buffer): boolean {
    this.flowing = true;
    this.bytes += chunk.length;
    this.stalled = !this.response.write(chunk);
    return !this.stalled;
  }

  drained(goOn: () => void): void {
    this.response.once("drain", () => {
      this.stalled = false;
      goOn();
    });
  }

  complete(trailers: readonly (Buffer | string)[] | null): void {
    this.flowing = true;
    if (trailers !== null && trailers.length > 0 && this.response.chunkedEncoding) {
      this.response.addTrailers(trailerPairs(trailers));
    }
    this.response.end();
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

  flushHead(): void {
    if (!this.flowing) this.response.flushHeaders();
  }
}

function flush(answer: Answer): void {
  answer.flushHead();
}
