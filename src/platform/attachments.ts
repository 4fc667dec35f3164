/** Who may come to which attached one-off process: each has a secret that opens it once, and for some seconds only. */
import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import type { Attachment } from "../formation/attachment.ts";

export type { Attachment };

const SECRET_BYTES = 32;

export class Attachments {
  readonly #clock: Clock;
  readonly #closing: AbortSignal;
  /** By the digest of the secret: how long a look-up takes says nothing about the secrets there are. */
  readonly #waiting = new Map<string, Attachment>();

  constructor(clock: Clock, closing: AbortSignal) {
    this.#clock = clock;
    this.#closing = closing;
  }

  /** The secret, which is a word of 43 letters, digits, `-` and `_`. */
  offer(attachment: Attachment, patienceMs: number): string {
    const secret = randomBytes(SECRET_BYTES).toString("base64url");
    const key = digest(secret);
    this.#waiting.set(key, attachment);
    void this.#clock.sleep(patienceMs, this.#closing).then(() => {
      if (this.#waiting.delete(key)) attachment.expire();
      return undefined;
    });
    return secret;
  }

  /** Whether it would open one now. */
  has(secret: string): boolean {
    return this.#waiting.has(digest(secret));
  }

  /** Undefined for what is no secret, or no longer. */
  take(secret: string): Attachment | undefined {
    const key = digest(secret);
    const attachment = this.#waiting.get(key);
    this.#waiting.delete(key);
    return attachment;
  }
}

function digest(secret: string): string {
  return createHash("sha256").update(secret).digest("base64");
}
