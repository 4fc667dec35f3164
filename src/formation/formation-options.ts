/** What a formation is made with: its settings, and whom it tells. */
import type { Clock } from "../core/clock.ts";
import { DYNO_RULES } from "../core/dyno.ts";
import type { DynoRules } from "../core/dyno.ts";
import type { LimitsByType } from "../core/limits.ts";
import type { Endpoint, FormationLine } from "./dyno-host.ts";
import type { MemoryRules } from "./memory-watch.ts";
import type { PortAllocator } from "./ports.ts";
import type { ReadinessRules } from "./readiness.ts";
import type { Routes } from "./roster.ts";
import type { Instance, Runtime } from "./runtime.ts";
import type { WebHealth } from "./web-health.ts";

export interface FormationSettings extends DynoRules, ReadinessRules, MemoryRules {
  /** Memory counts at once, the others when a process starts. */
  readonly limits: LimitsByType;
  /** Bring up new web processes before the old ones stop. */
  readonly preboot: boolean;
  /** Restart each process once a day. */
  readonly dailyRestart: boolean;
  /** Let two releases of one worker type run at a time. */
  readonly workerOverlap: boolean;
}

export const FORMATION_SETTINGS: FormationSettings = {
  ...DYNO_RULES,
  limits: new Map(),
  memoryCheckMs: 5_000,
  memoryWarningMs: 20_000,
  preboot: true,
  readyCheckMs: 10,
  healthTimeoutMs: 5_000,
  dailyRestart: false,
  workerOverlap: false,
};

export interface FormationCallbacks {
  log(line: FormationLine): void;
  /** A process runs, or was found running or ended after a restart of the daemon: its spool wants a reader. */
  onProcess(instance: Instance): void;
  /** It is gone; awaited before anything is said about that, and before its spool is removed. */
  onExit(instance: Instance): Promise<void>;
  /** Called only when something differs. */
  onRoutes(routes: Routes): void;
  /** A web process of the release that should run is up for the first time, or none comes up. */
  onWebHealth(health: WebHealth): void;
  /** Resolves when nothing is under way to an endpoint that is no longer in the routes. */
  drained(endpoint: Endpoint): Promise<void>;
  /** A fault of the platform or its runtime, for the platform's own log. */
  onFault(error: unknown): void;
}

export interface FormationOptions {
  readonly app: string;
  readonly runtime: Runtime;
  readonly ports: PortAllocator;
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  /** Where it is kept which dynos have no process, for the next daemon. */
  readonly restFile: string;
  readonly settings?: Partial<FormationSettings>;
  readonly callbacks: FormationCallbacks;
}
