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
   *  @throws DeliveryError (outbound/delivery-error.ts) */
  deliver(frame: OutgoingFrame, signal: AbortSignal): Promise<void>;
  /** Lets go of what it has open; what was delivered goes out. Whether nothing of it may be lost any more. */
  close(): Promise<boolean>;
}
