/** Frames by POST, as Logplex sends them (Dev Center, "Log Drains", HTTPS drains), one after the other over a connection
 *  that is kept. Redirections are not followed. */
import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Clock } from "../core/clock.ts";
import type { HttpTarget } from "../core/drain.ts";
import { retryAfterMs, verdictOf, type RetryRules } from "../core/drain-retry.ts";
import { asDeliveryError, DeliveryError, type Channel, type ChannelLimits, type OutgoingFrame } from "./channel.ts";
import { inWords, TimeLimit } from "./time-limit.ts";
import type { Trust, TrustOptions } from "./trust.ts";

export interface HttpChannelParts {
  target: HttpTarget;
  token: string;
  clock: Clock;
  limits: () => ChannelLimits & RetryRules;
  trust: Trust;
  userAgent: string;
}

/** Nobody reads what a receiver says; one that says more than this is cut off. */
const ANSWER_BYTES_MAX = 64 * 1024;

export class HttpChannel implements Channel {
  readonly settleMs = 0;
  readonly #parts: HttpChannelParts;
  readonly #agent: HttpAgent;

  constructor(parts: HttpChannelParts) {
    this.#parts = parts;
    const options = { keepAlive: true, maxSockets: 1 };
    this.#agent = parts.target.isEncrypted ? new HttpsAgent(options) : new HttpAgent(options);
  }

  async deliver(frame: OutgoingFrame, signal: AbortSignal): Promise<void> {
    const secure = this.#parts.target.isEncrypted ? await this.#parts.trust.options() : {};
    const answer = await this.#post(frame, secure, signal);
    const { statusCode: status = 0 } = answer;
    const verdict = verdictOf(status);
    if (verdict === "delivered") return;
    const wait = retryAfterMs(answer.headers["retry-after"], this.#parts.limits());
    const kind = verdict === "refused" ? "refused" : "retry";
    throw new DeliveryError(kind, `it answers with status ${String(status)}`, wait);
  }

  /** Resolves when the answer is over. */
  #post(frame: OutgoingFrame, secure: TrustOptions, signal: AbortSignal): Promise<IncomingMessage> {
    const { clock, target } = this.#parts;
    const { connectMs, requestMs } = this.#parts.limits();
    return new Promise((resolve, reject) => {
      const request = this.#open(frame, secure);
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
      request.end(frame.body);
      if (signal.aborted) leave();
    });
  }

  #open(frame: OutgoingFrame, secure: TrustOptions): ClientRequest {
    const { target, token, userAgent } = this.#parts;
    const { host, port, path, auth } = target;
    const headers = {
      "content-type": "application/logplex-1",
      "content-length": frame.body.length,
      "logplex-msg-count": frame.messages,
      "logplex-frame-id": frame.id,
      "logplex-drain-token": token,
      "user-agent": userAgent,
    };
    const options = { method: "POST", host, port, path, auth, headers, agent: this.#agent };
    return target.isEncrypted ? httpsRequest({ ...options, ...secure }) : httpRequest(options);
  }

  close(): Promise<boolean> {
    this.#agent.destroy();
    return Promise.resolve(true);
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
