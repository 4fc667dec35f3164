/** Looks from time to time at how much memory those processes use that have a limit: over it is a warning (R14), at twice
 *  as much the process is killed (R15). */
import { errorHead } from "../core/error-codes.ts";
import type { Clock } from "../core/clock.ts";
import { describeMemory } from "../core/limits.ts";
import type { DynoProcess } from "./dyno-process.ts";
import type { FormationLine } from "./dyno-host.ts";
import type { Runtime } from "./runtime.ts";

export interface MemoryRules {
  /** How often processes are looked at. */
  readonly memoryCheckMs: number;
  /** How often the same process is warned of. */
  readonly memoryWarningMs: number;
}

export interface MemoryWatchHost {
  readonly runtime: Runtime;
  readonly clock: Clock;
  rules(): MemoryRules;
  /** Undefined where nothing limits the type. */
  quotaBytes(type: string): number | undefined;
  log(line: FormationLine): void;
  broken(error: unknown): void;
}

export class MemoryWatch {
  readonly #host: MemoryWatchHost;
  /** By process. */
  readonly #warnedAt = new Map<string, number>();
  #dynos: readonly DynoProcess[] = [];
  #ended: AbortController | undefined;

  constructor(host: MemoryWatchHost) {
    this.#host = host;
  }

  /** These may be running; nothing is looked at while none of them has a limit. */
  watch(dynos: readonly DynoProcess[]): void {
    this.#dynos = dynos.filter(
      (dyno) => dyno.instance !== undefined && this.#host.quotaBytes(dyno.name.type) !== undefined,
    );
    if (this.#dynos.length === 0) {
      this.#ended?.abort();
      this.#ended = undefined;
      this.#warnedAt.clear();
    } else if (this.#ended === undefined) {
      this.#ended = new AbortController();
      this.#lookWhileWatched(this.#ended.signal).catch((error: unknown) => this.#host.broken(error));
    }
  }

  async #lookWhileWatched(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#host.clock.sleep(this.#host.rules().memoryCheckMs, signal);
      for (const dyno of this.#dynos) {
        if (signal.aborted) return;
        await this.#look(dyno, signal);
      }
      if (signal.aborted) return;
    }
  }

  async #look(dyno: DynoProcess, signal: AbortSignal): Promise<void> {
    const { id } = dyno;
    const bytes = (await this.#host.runtime.memory(id)) ?? 0;
    const quota = this.#host.quotaBytes(dyno.name.type);
    if (signal.aborted || quota === undefined || dyno.instance?.id !== id || bytes <= quota) return;
    const use = describeMemory(bytes, quota);
    if (bytes >= 2 * quota) dyno.send({ type: "memory-exceeded", use });
    else this.#warn(dyno, use);
  }

  #warn(dyno: DynoProcess, use: string): void {
    const now = this.#host.clock.now();
    if (now - (this.#warnedAt.get(dyno.id) ?? -Infinity) < this.#host.rules().memoryWarningMs) return;
    this.#warnedAt.set(dyno.id, now);
    const line = { ps: dyno.ps, release: dyno.runningRelease ?? dyno.spec.release };
    this.#host.log({ ...line, message: `Process running ${use}` });
    this.#host.log({ ...line, message: errorHead("R14"), level: "error" });
  }
}
