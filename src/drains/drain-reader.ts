/** Reads a log on from a place, until it is stopped or the log ends. */
import { isGap, type FeedPiece, type LogFeed, type Place } from "./log-feed.ts";

export interface Lines {
  /** Whole NDJSON lines of one segment; empty where the log no longer had what was asked for. */
  lines: Buffer;
  /** Where they begin; where the log goes on. */
  start: Place;
}

export class DrainReader {
  readonly #pieces: AsyncIterableIterator<FeedPiece>;
  readonly #stopping = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #stop = (): void => this.#stopping.abort();

  constructor(feed: LogFeed, after: Place, signal?: AbortSignal) {
    this.#outer = signal;
    signal?.addEventListener("abort", this.#stop, { once: true });
    if (signal?.aborted === true) this.#stop();
    this.#pieces = feed.follow(after, this.#stopping.signal);
  }

  get isStopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** What it is reading is never given. */
  stop(): void {
    this.#stop();
  }

  /** Undefined when it was stopped, or the log has ended.
   *  @throws AppError invalid_params when the log has no such place */
  async next(): Promise<Lines | undefined> {
    for (;;) {
      const { done, value } = await this.#pieces.next();
      if (done === true || this.isStopped) return undefined;
      if (value.lines.length === 0) continue;
      if (isGap(value)) return { lines: Buffer.alloc(0), start: value.next };
      const { segment, offset } = value.next;
      return { lines: value.lines, start: { segment, offset: offset - value.lines.length } };
    }
  }

  /** Resolves when it holds nothing any more. */
  async end(): Promise<void> {
    this.#stop();
    this.#outer?.removeEventListener("abort", this.#stop);
    await this.#pieces.return?.().catch(() => undefined);
  }
}
