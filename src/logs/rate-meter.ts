/** How much of an app's output may be stored: so many bytes a second in the long run, and at once what some seconds bring
 *  (a token bucket). */
import type { Clock } from "../core/clock.ts";

/** 64 MB at 20 MB a second. */
const BURST_SECONDS = 3.2;
/** Tokens come back in pieces worth waking up for. */
const WAIT_MS_MIN = 10;

export class RateMeter {
  private readonly clock: Clock;
  private rate = Number.POSITIVE_INFINITY;
  private tokens = 0;
  private filledMs = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get isOn(): boolean {
    return Number.isFinite(this.rate);
  }

  /** What may come at once. */
  get burstBytes(): number {
    return this.rate * BURST_SECONDS;
  }

  /** From now on so many bytes a second; infinite: no limit. */
  set bytesPerSecond(rate: number) {
    this.rate = rate;
    this.tokens = this.burstBytes;
    this.filledMs = this.clock.now();
  }

  take(bytes: number): void {
    if (this.isOn) this.tokens -= bytes;
  }

  /** Until something may be read again; 0: now. */
  waitMs(): number {
    if (!this.isOn) return 0;
    const now = this.clock.now();
    // A clock that was set back brings nothing.
    const passed = Math.max(0, now - this.filledMs);
    this.filledMs = now;
    this.tokens = Math.min(this.burstBytes, this.tokens + (passed / 1000) * this.rate);
    return this.tokens > 0 ? 0 : Math.max(WAIT_MS_MIN, (-this.tokens / this.rate) * 1000);
  }
}
