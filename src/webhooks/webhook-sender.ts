/** Brings deliveries to one webhook, one at a time and each in its turn; what has to wait holds up no other. */
import { createHmac, randomUUID } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import { SerialQueue } from "../core/serial-queue.ts";
import { parseWebhookUrl, webhookRetryMs, type WebhookSecrets } from "../core/webhook.ts";
import { refused, type AddressGuard } from "../outbound/address-guard.ts";
import { asDeliveryError } from "../outbound/delivery-error.ts";
import { HttpPoster } from "../outbound/http-poster.ts";
import type { Trust } from "../outbound/trust.ts";
import { isOver, type Attempt, type Delivery, type DeliveryLog } from "./delivery-log.ts";

export interface WebhookRules {
  /** For a connection, and again for the answer. */
  timeoutMs: number;
  /** The longest wait before the next attempt. */
  retryMaxMs: number;
}

export interface SenderParts {
  clock: Clock;
  /** Numbers in [0, 1). */
  random: () => number;
  trust: Trust;
  guard: AddressGuard;
  userAgent: string;
  onFault: (error: unknown) => void;
}

/** What is not taken for so long is given up. */
const GIVEN_UP_AFTER_MS = 72 * 3_600_000;

export class WebhookSender {
  readonly #parts: SenderParts;
  readonly #secrets: WebhookSecrets;
  readonly #rules: () => WebhookRules;
  readonly #log: DeliveryLog;
  readonly #poster: HttpPoster;
  readonly #isAllowed: boolean;
  readonly #attempts = new SerialQueue();
  readonly #ending = new AbortController();

  constructor(parts: SenderParts, secrets: WebhookSecrets, rules: () => WebhookRules, log: DeliveryLog) {
    this.#parts = parts;
    this.#secrets = secrets;
    this.#rules = rules;
    this.#log = log;
    const target = parseWebhookUrl(secrets.url);
    const { clock, trust, guard } = parts;
    const limits = (): { connectMs: number; requestMs: number } => {
      const { timeoutMs } = rules();
      return { connectMs: timeoutMs, requestMs: timeoutMs };
    };
    this.#isAllowed = guard.allows(target.host);
    this.#poster = new HttpPoster({ target, clock, limits, trust, lookup: guard.lookup });
  }

  isFor({ url, secret, authorization }: WebhookSecrets): boolean {
    const own = this.#secrets;
    return own.url === url && own.secret === secret && own.authorization === authorization;
  }

  /** Goes on with it until it is over. */
  begin(delivery: Delivery): void {
    this.#run(delivery).catch((error: unknown) => this.#parts.onFault(error));
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#attempts.drained();
    this.#poster.close();
  }

  async #run(begun: Delivery): Promise<void> {
    const { clock } = this.#parts;
    const { signal } = this.#ending;
    let delivery = begun;
    while (!isOver(delivery) && !signal.aborted) {
      const waitMs = (delivery.nextAt ?? 0) - clock.now();
      if (waitMs > 0) await clock.sleep(waitMs, signal);
      const next = await this.#attempts.run(() => this.#try(delivery));
      // Nobody knows whether one that was cut off has arrived: it is tried again.
      if (signal.aborted && !isOver(next)) return;
      delivery = next;
      if (!this.#log.knows(delivery)) return;
      this.#log.put(delivery);
    }
  }

  async #try(delivery: Delivery): Promise<Delivery> {
    const { clock, random } = this.#parts;
    const attempt: Attempt = { id: randomUUID(), at: clock.now(), code: null, error: null };
    const outcome = await this.#send(delivery, attempt.id);
    const last = { ...attempt, ...outcome };
    const told = { ...delivery, attempts: delivery.attempts + 1, last };
    if (last.error === null) return { ...told, status: "succeeded", nextAt: null };
    const isGivenUp = attempt.at - delivery.event.at > GIVEN_UP_AFTER_MS;
    if (delivery.level === "notify" || isGivenUp || outcome.isRefused)
      return { ...told, status: "failed", nextAt: null };
    const waitMs = webhookRetryMs(told.attempts, this.#rules().retryMaxMs, random());
    return { ...told, status: "retrying", nextAt: clock.now() + waitMs };
  }

  async #send(delivery: Delivery, attempt: string): Promise<Pick<Attempt, "code" | "error"> & { isRefused: boolean }> {
    const { secret, authorization } = this.#secrets;
    const body = Buffer.from(JSON.stringify(bodyOf(delivery, attempt)));
    const headers = {
      "content-type": "application/json",
      "heroku-webhook-hmac-sha256": createHmac("sha256", secret).update(body).digest("base64"),
      "user-agent": this.#parts.userAgent,
      ...(authorization !== undefined && { authorization }),
    };
    try {
      if (!this.#isAllowed) throw refused();
      const { status: code } = await this.#poster.post({ body, headers }, this.#ending.signal);
      const isTaken = code >= 200 && code < 300;
      return { code, error: isTaken ? null : `it answers with status ${String(code)}`, isRefused: false };
    } catch (error) {
      const { message, kind } = asDeliveryError(error);
      return { code: null, error: message, isRefused: kind === "refused" };
    }
  }
}

/** (devcenter.heroku.com/articles/app-webhooks-schema) */
function bodyOf({ id, event, webhook }: Delivery, attempt: string): object {
  const { payload, entity } = event;
  return {
    ...payload,
    id: event.id,
    webhook_metadata: {
      attempt: { id: attempt },
      delivery: { id },
      event: { id: event.id, include: entity },
      webhook: { id: webhook },
    },
  };
}
