/** POSTs to one receiver, over connections that are kept. Redirections are not followed, and nobody reads what it says. */
import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";
import type { Clock } from "../core/clock.ts";
import type { HttpTarget } from "../core/http-target.ts";
import { asDeliveryError, DeliveryError } from "./delivery-error.ts";
import { inWords, TimeLimit, type SendLimits } from "./time-limit.ts";
import type { Trust, TrustOptions } from "./trust.ts";

export interface HttpPosterParts {
  target: HttpTarget;
  clock: Clock;
  limits: () => SendLimits;
  trust: Trust;
  /** How a name becomes an address; the machine's own way when left out. */
  lookup?: LookupFunction;
}

export interface Post {
  body: Buffer;
  headers: Readonly<Record<string, string | number>>;
}

export interface PostAnswer {
  status: number;
  retryAfter: string | undefined;
}

/** A receiver that says more than this is cut off. */
const ANSWER_BYTES_MAX = 64 * 1024;

export class HttpPoster {
  readonly #parts: HttpPosterParts;
  readonly #agent: HttpAgent;

  constructor(parts: HttpPosterParts) {
    this.#parts = parts;
    const options = { keepAlive: true, maxSockets: 1 };
    this.#agent = parts.target.isEncrypted ? new HttpsAgent(options) : new HttpAgent(options);
  }

  /** Resolves when the answer is over, whatever its status.
   *  @throws DeliveryError when there is none */
  async post(post: Post, signal: AbortSignal): Promise<PostAnswer> {
    const secure = this.#parts.target.isEncrypted ? await this.#parts.trust.options() : {};
    const { statusCode: status = 0, headers } = await this.#send(post, secure, signal);
    return { status, retryAfter: headers["retry-after"] };
  }

  #send(post: Post, secure: TrustOptions, signal: AbortSignal): Promise<IncomingMessage> {
    const { clock, target } = this.#parts;
    const { connectMs, requestMs } = this.#parts.limits();
    return new Promise((resolve, reject) => {
      const request = this.#open(post, secure);
      const leave = (): void => void request.destroy();
      const limit = new TimeLimit(clock, (message) => request.destroy(new DeliveryError("retry", message)));
      const waitForAnswer = (): void => limit.begin(requestMs, `no answer within ${inWords(requestMs)}`);
      signal.addEventListener("abort", leave, { once: true });
      const over = (): void => {
        limit.end();
        signal.removeEventListener("abort", leave);
      };
      limit.begin(connectMs, `no connection within ${inWords(connectMs)}`);
      request.once("socket", (socket) => {
        if (!socket.connecting) waitForAnswer();
        else socket.once(target.isEncrypted ? "secureConnect" : "connect", waitForAnswer);
      });
      request.on("error", (error) => {
        over();
        reject(asDeliveryError(error));
      });
      request.once("response", (answer) => {
        cutLong(answer, request);
        // The status counts, however the answer ends.
        answer.once("close", () => {
          over();
          resolve(answer);
        });
      });
      request.end(post.body);
      if (signal.aborted) leave();
    });
  }

  #open({ body, headers }: Post, secure: TrustOptions): ClientRequest {
    const { host, port, path, auth, isEncrypted } = this.#parts.target;
    const { lookup } = this.#parts;
    const options = {
      method: "POST",
      host,
      port,
      path,
      auth,
      agent: this.#agent,
      headers: { ...headers, "content-length": body.length },
      ...(lookup && { lookup }),
    };
    return isEncrypted ? httpsRequest({ ...options, ...secure }) : httpRequest(options);
  }

  close(): void {
    this.#agent.destroy();
  }
}

function cutLong(answer: IncomingMessage, request: ClientRequest): void {
  let bytes = 0;
  answer.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > ANSWER_BYTES_MAX) request.destroy();
  });
  answer.on("error", () => undefined);
}
