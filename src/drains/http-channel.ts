/** Frames by POST, as Logplex sends them (Dev Center, "Log Drains", HTTPS drains), one after the other. */
import { retryAfterMs, verdictOf, type RetryRules } from "../core/drain-retry.ts";
import { DeliveryError } from "../outbound/delivery-error.ts";
import { HttpPoster, type HttpPosterParts } from "../outbound/http-poster.ts";
import type { SendLimits } from "../outbound/time-limit.ts";
import type { Channel, OutgoingFrame } from "./channel.ts";

export interface HttpChannelParts extends Omit<HttpPosterParts, "lookup"> {
  token: string;
  limits: () => SendLimits & RetryRules;
  userAgent: string;
}

export class HttpChannel implements Channel {
  readonly settleMs = 0;
  readonly #parts: HttpChannelParts;
  readonly #poster: HttpPoster;

  constructor(parts: HttpChannelParts) {
    this.#parts = parts;
    this.#poster = new HttpPoster(parts);
  }

  async deliver(frame: OutgoingFrame, signal: AbortSignal): Promise<void> {
    const { token, userAgent, limits } = this.#parts;
    const headers = {
      "content-type": "application/logplex-1",
      "logplex-msg-count": frame.messages,
      "logplex-frame-id": frame.id,
      "logplex-drain-token": token,
      "user-agent": userAgent,
    };
    const { status, retryAfter } = await this.#poster.post({ body: frame.body, headers }, signal);
    const verdict = verdictOf(status);
    if (verdict === "delivered") return;
    const wait = retryAfterMs(retryAfter, limits());
    const kind = verdict === "refused" ? "refused" : "retry";
    throw new DeliveryError(kind, `it answers with status ${String(status)}`, wait);
  }

  close(): Promise<boolean> {
    this.#poster.close();
    return Promise.resolve(true);
  }
}
