/** How much of an app's output may be stored: so many bytes a second in the long run, and at once what some seconds bring. */
import type { Clock } from "../core/clock.ts";
import { TokenBucket } from "../core/token-bucket.ts";

/** 64 MB at 20 MB a second. */
const BURST_SECONDS = 3.2;
/** Tokens come back in pieces worth waking up for. */
const WAIT_MS_MIN = 10;

export class RateMeter {
  private readonly clock: Clock;
  /** Undefined: no limit. */
  private bucket: TokenBucket | undefined;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get isOn(): boolean {
    return this.bucket !== undefined;
  }

  /** What may come at once. */
  get burstBytes(): number {
    return this.bucket?.capacity ?? Number.POSITIVE_INFINITY;
  }

  /** From now on so many bytes a second; infinite: no limit. */
  set bytesPerSecond(rate: number) {
    const size = { capacity: rate * BURST_SECONDS, perSecond: rate };
    this.bucket = Number.isFinite(rate) ? new TokenBucket(size, this.clock.now()) : undefined;
  }

  take(bytes: number): void {
    this.bucket?.take(bytes);
  }

  /** Until something may be read again; 0: now. */
  waitMs(): number {
    const now = this.clock.now();
    if (this.bucket === undefined || this.bucket.count(now) > 0) return 0;
    return Math.max(WAIT_MS_MIN, this.bucket.waitMs(now, 0));
  }
}
