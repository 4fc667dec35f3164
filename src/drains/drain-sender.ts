/** Brings one batch after the other to the receiver, each for as long as it takes. */
import { createHash } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import { drainRetryMs, type RetryRules } from "../core/drain-retry.ts";
import { asDeliveryError } from "../outbound/delivery-error.ts";
import type { Channel } from "./channel.ts";
import type { DrainHealth } from "./drain-health.ts";
import type { Batch, Frame } from "./frame.ts";
import { formatPlace, type Place } from "./log-feed.ts";

/** What is under way. */
export interface Sending {
  batch: Batch;
  from: Place;
  to: Place;
}

export interface DrainSenderParts {
  token: string;
  channel: Channel;
  health: DrainHealth;
  clock: Clock;
  /** Numbers in [0, 1). */
  random: () => number;
  rules: () => RetryRules;
}

/** What becomes of the frames. */
export interface SendingEvents {
  delivered(frame: Frame): void;
  /** The receiver does not want it; it is not tried again. */
  refused(frame: Frame): void;
  /** It is tried again, unless other frames have to be sent first. */
  failed(): void;
  isAbandoned(): boolean;
}

export class DrainSender {
  readonly #parts: DrainSenderParts;

  constructor(parts: DrainSenderParts) {
    this.#parts = parts;
  }

  /** False when it was abandoned, or the signal aborts. */
  async send(sending: Sending, events: SendingEvents, signal: AbortSignal): Promise<boolean> {
    const { frames } = sending.batch;
    for (let index = 0; index < frames.length && !signal.aborted && !events.isAbandoned();) {
      const waitMs = await this.#try(sending, index, events, signal);
      if (waitMs === undefined) index += 1;
      else await this.#wait(waitMs, signal);
    }
    return !signal.aborted && !events.isAbandoned();
  }

  /** How long to wait before it is tried again; undefined when it is settled. */
  async #try(sending: Sending, index: number, events: SendingEvents, signal: AbortSignal): Promise<number | undefined> {
    const { channel, health, rules, random } = this.#parts;
    const frame = sending.batch.frames[index] as Frame;
    const messages = frame.messages + (frame.notice === undefined ? 0 : 1);
    try {
      await channel.deliver({ body: frame.body, messages, id: this.#idOf(sending, index) }, signal);
      health.taken();
      if (channel.settleMs === 0) health.delivered();
      events.delivered(frame);
      return undefined;
    } catch (error) {
      if (signal.aborted) return 0;
      const failure = asDeliveryError(error);
      if (failure.kind === "refused") {
        health.refused(failure);
        events.refused(frame);
        return undefined;
      }
      const failures = health.failed(failure);
      events.failed();
      return failure.retryAfterMs ?? drainRetryMs(failures, rules(), random());
    }
  }

  async #wait(ms: number, signal: AbortSignal): Promise<void> {
    const { health, clock } = this.#parts;
    health.waits(clock.now() + ms);
    await clock.sleep(ms, signal);
    health.waits(undefined);
  }

  /** The same for the same lines with the same notice, also after the daemon was killed: receivers know a frame by it. */
  #idOf({ from, to, batch }: Sending, index: number): string {
    const { count = 0, since = "" } = batch.frames[index]?.notice ?? {};
    const words = [this.#parts.token, formatPlace(from), formatPlace(to), index, count, since].join("\n");
    const hex = createHash("sha256").update(words).digest("hex");
    return hex.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  }
}
