/** The daemon's end of an attached one-off process: its input and outputs, for one client. What the process writes before the
 *  client comes waits for it; nothing of it goes to the log. */
import { once } from "node:events";
import type { Duplex } from "node:stream";
import type { Clock } from "../core/clock.ts";
import { encodeFrame, FRAME, FrameReader, type Frame } from "../core/run-frames.ts";
import type { OneOffEnd } from "./one-off.ts";

/** What the process is told when it has no client any more. */
export interface AttachmentOwner {
  readonly ps: string;
  readonly ended: Promise<OneOffEnd>;
  /** The client has gone before the process had ended. */
  left(): void;
  /** There never was one. */
  missed(): void;
}

const OUTPUTS: ReadonlySet<string> = new Set([FRAME.stdout, FRAME.stderr]);

export class Attachment {
  readonly hasTerminal: boolean;
  readonly #relay: Duplex;
  readonly #owner: AttachmentOwner;
  readonly #clock: Clock;
  readonly #cut = new AbortController();
  #lastTraffic: number;
  #isTaken = false;

  constructor(relay: Duplex, hasTerminal: boolean, { owner, clock }: { owner: AttachmentOwner; clock: Clock }) {
    this.#relay = relay;
    this.hasTerminal = hasTerminal;
    this.#owner = owner;
    this.#clock = clock;
    this.#lastTraffic = clock.now();
  }

  /** `run.3` */
  get ps(): string {
    return this.#owner.ps;
  }

  get ended(): Promise<OneOffEnd> {
    return this.#owner.ended;
  }

  /** When something last went either way, milliseconds since the epoch. */
  get lastTraffic(): number {
    return this.#lastTraffic;
  }

  /** Aborts when the client is to be cut off. */
  get cut(): AbortSignal {
    return this.#cut.signal;
  }

  /** Cuts off whoever is attached. */
  cutOff(): void {
    this.#cut.abort();
  }

  /** What the process writes, to its end; for one reader. */
  async *output(): AsyncGenerator<Frame, void> {
    this.#isTaken = true;
    const reader = new FrameReader();
    try {
      for await (const chunk of this.#relay as AsyncIterable<Buffer>) {
        this.#lastTraffic = this.#clock.now();
        // The relay is a process of the app's: of what it says only this is believed.
        yield* reader.read(chunk).filter(({ kind }) => OUTPUTS.has(kind));
      }
    } catch {
      // The relay was killed, or says what no relay does: that is its end.
    }
  }

  /** Resolves when the process can take more. What it no longer takes is lost, as in a pipe. */
  async send(kind: string, payload?: Uint8Array): Promise<void> {
    if (!this.#relay.writable) return;
    this.#lastTraffic = this.#clock.now();
    if (this.#relay.write(encodeFrame(kind, payload))) return;
    const over = new AbortController();
    const closed = (): void => over.abort();
    this.#relay.once("close", closed);
    await once(this.#relay, "drain", { signal: over.signal }).catch(() => undefined);
    this.#relay.off("close", closed);
  }

  /** The client is gone. */
  leave(): void {
    void this.send(FRAME.hangUp);
    this.#relay.resume();
    this.#owner.left();
  }

  /** Nobody came in time; a client that comes now is too late. */
  expire(): void {
    if (this.#isTaken) return;
    this.#relay.resume();
    this.#owner.missed();
  }
}
