/** What carries frames to a receiver. */

export interface OutgoingFrame {
  body: Buffer;
  /** All of it, with a notice of losses. */
  messages: number;
  /** A UUID, the same whenever this frame is sent again. */
  id: string;
}

export interface Channel {
  /** So long after a frame was delivered it may still be lost, when the connection breaks; 0: delivered is delivered. */
  readonly settleMs: number;
  /** Resolves when the receiver has the frame, as far as its protocol can tell.
   *  @throws DeliveryError */
  deliver(frame: OutgoingFrame, signal: AbortSignal): Promise<void>;
  /** Lets go of what it has open; what was delivered goes out. Whether nothing of it may be lost any more. */
  close(): Promise<boolean>;
}

export interface ChannelLimits {
  /** For a connection, with TLS. Logplex: 3 s. */
  connectMs: number;
  /** For the receiver to take a frame. Logplex: 5 s. */
  requestMs: number;
}

type FailureKind = "retry" | "refused" | "certificate";

/** The message is for people and has no secret in it. */
export class DeliveryError extends Error {
  readonly kind: FailureKind;
  /** The receiver asks to be left alone for so long. */
  readonly retryAfterMs: number | undefined;

  constructor(kind: FailureKind, message: string, retryAfterMs?: number) {
    super(message);
    this.kind = kind;
    this.retryAfterMs = retryAfterMs;
  }
}

const MESSAGE_LENGTH_MAX = 200;
const CERTIFICATE_CODES = /CERT|SELF_SIGNED|VERIFY_LEAF|HOSTNAME_MISMATCH/;

export function asDeliveryError(error: unknown): DeliveryError {
  if (error instanceof DeliveryError) return error;
  // Of several addresses that were tried the first tells enough.
  const first: unknown = error instanceof AggregateError ? (error.errors[0] ?? error) : error;
  const { code = "", message = "" } = first as { code?: string; message?: string };
  const words = (message === "" ? code : message).replace(/[\x00-\x1f\x7f-\x9f]+/g, " ").slice(0, MESSAGE_LENGTH_MAX);
  return new DeliveryError(CERTIFICATE_CODES.test(code) ? "certificate" : "retry", words.trim() || "unknown error");
}
