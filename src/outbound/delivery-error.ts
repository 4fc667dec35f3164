/** How something that was sent did not arrive. */

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
