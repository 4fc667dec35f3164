/** The webhooks of one app. Each goes its own way: one whose receiver hangs or refuses holds up no other, and not the app. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { SerialQueue } from "../core/serial-queue.ts";
import type { WebhookEntity, WebhookFacts, WebhookSecrets } from "../core/webhook.ts";
import { DeliveryLog, isOver, type Delivery, type WebhookEvent } from "./delivery-log.ts";
import { ToldFile, type Told } from "./told-file.ts";
import { WebhookSender, type SenderParts, type WebhookRules } from "./webhook-sender.ts";

export interface WebhookSpec extends WebhookFacts {
  /** Undefined when no key opens them; then nothing is sent. */
  secrets: WebhookSecrets | undefined;
}

interface Open {
  spec: WebhookSpec;
  sender: WebhookSender;
}

export class Webhooks {
  readonly told: ToldFile;
  /** One event after the other. */
  readonly telling = new SerialQueue();
  readonly #parts: SenderParts;
  readonly #log: DeliveryLog;
  readonly #open = new Map<string, Open>();
  readonly #changes = new SerialQueue();
  #rules: WebhookRules;
  #isClosed = false;

  /** @param dir for the deliveries; made when one is needed */
  constructor(dir: string, parts: SenderParts, rules: WebhookRules) {
    this.#parts = parts;
    this.#log = new DeliveryLog(dir, parts.onFault);
    this.told = new ToldFile(join(dir, "told.json"), parts.onFault);
    this.#rules = rules;
  }

  /** In force from the next attempt on. */
  configure(rules: WebhookRules): void {
    this.#rules = rules;
  }

  /** These are the webhooks from now on. What an earlier daemon had under way for them goes on; what others had is over. */
  use(specs: readonly WebhookSpec[]): Promise<void> {
    return this.#changes.run(async () => {
      if (this.#isClosed || (specs.length === 0 && this.#open.size === 0)) return;
      await this.#letGo(specs);
      await this.#resume(specs.filter((spec) => this.#begin(spec)).map(({ id }) => id));
    });
  }

  /** Those that are no more, or are sent elsewhere or otherwise from now on. */
  async #letGo(specs: readonly WebhookSpec[]): Promise<void> {
    for (const [id, { sender }] of this.#open) {
      const secrets = specs.find((one) => one.id === id)?.secrets;
      if (secrets === undefined || !sender.isFor(secrets)) await this.#let(id);
    }
  }

  /** Whether it has a new sender. */
  #begin(spec: WebhookSpec): boolean {
    if (spec.secrets === undefined) return false;
    const known = this.#open.get(spec.id);
    const sender = known?.sender ?? new WebhookSender(this.#parts, spec.secrets, () => this.#rules, this.#log);
    this.#open.set(spec.id, { spec, sender });
    return known === undefined;
  }

  async #resume(begun: readonly string[]): Promise<void> {
    for (const delivery of (await this.#log.list()).toReversed()) {
      if (isOver(delivery)) continue;
      const open = this.#open.get(delivery.webhook);
      if (open === undefined) this.#log.put({ ...delivery, status: "failed", nextAt: null });
      else if (begun.includes(delivery.webhook)) open.sender.begin(delivery);
    }
  }

  async #let(id: string): Promise<void> {
    await this.#open.get(id)?.sender.close();
    this.#open.delete(id);
  }

  /** Whether there are any. */
  get areThere(): boolean {
    return this.#open.size > 0;
  }

  /** Whether anybody is to be told. */
  wants(entity: WebhookEntity): boolean {
    return [...this.#open.values()].some(({ spec }) => spec.include.includes(entity));
  }

  /** @param told what is known when this is; a daemon that is killed in between tells it again */
  tell(event: WebhookEvent, told: Told): void {
    if (this.#isClosed) return;
    for (const { spec, sender } of this.#open.values()) {
      if (!spec.include.includes(event.entity)) continue;
      const delivery: Delivery = {
        id: randomUUID(),
        event,
        webhook: spec.id,
        level: spec.level,
        status: "pending",
        attempts: 0,
        last: null,
        nextAt: null,
      };
      this.#log.put(delivery);
      sender.begin(delivery);
    }
    this.told.set(told);
  }

  /** Newest first. */
  deliveries(): Promise<Delivery[]> {
    return this.#log.list();
  }

  /** What is under way is tried again by the next daemon. */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.#changes.run(async () => {
      for (const id of this.#open.keys()) await this.#let(id);
    });
  }
}
