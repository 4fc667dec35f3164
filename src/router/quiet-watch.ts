/** Notices that an app has had no traffic for a while: no request under way, held ones and upgraded connections
 *  included, and none that ended lately. */
import type { Clock } from "../core/clock.ts";

export class QuietWatch {
  private readonly clock: Clock;
  private readonly onQuiet: () => void;
  private ms: number | undefined;
  private busy = 0;
  private lastAt = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(clock: Clock, onQuiet: () => void) {
    this.clock = clock;
    this.onQuiet = onQuiet;
  }

  /** Begins to watch, goes on with another time, or ends it. Where nothing was watched, the time begins now. */
  watch(ms: number | undefined): void {
    if (ms === this.ms) return;
    if (this.ms === undefined) this.lastAt = this.clock.now();
    this.ms = ms;
    clearTimeout(this.timer);
    if (ms !== undefined) this.look(ms);
  }

  begin(): void {
    this.busy += 1;
  }

  end(now: number): void {
    this.busy -= 1;
    this.lastAt = now;
  }

  /** Looks once for each quiet time, not at every request; whoever was told is told again while nothing changes. */
  private look(ms: number): void {
    const left = this.busy > 0 ? ms : this.lastAt + ms - this.clock.now();
    if (left <= 0) this.onQuiet();
    this.timer = setTimeout(() => this.look(ms), left > 0 ? left : ms);
    this.timer.unref();
  }
}
