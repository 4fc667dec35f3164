/** What a dyno needs of the formation around it, and what it tells. */
import type { Clock } from "../core/clock.ts";
import type { DynoRules } from "../core/dyno.ts";
import type { Limits } from "../core/limits.ts";
import type { Confinement } from "./isolation.ts";
import type { DynoProcess } from "./dyno-process.ts";
import type { PortAllocator } from "./ports.ts";
import type { ReadinessRules } from "./readiness.ts";
import type { Instance, Runtime } from "./runtime.ts";

export interface Endpoint {
  readonly ps: string;
  readonly host: string;
  readonly port: number;
}

export interface FormationLine {
  readonly ps: string;
  readonly release: number;
  readonly message: string;
  readonly level?: "error";
}

/** What a release brings along for each of its processes. */
export interface Cargo {
  readonly appDir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly confinement?: Confinement;
}

export interface DynoHost {
  readonly app: string;
  readonly runtime: Runtime;
  readonly ports: PortAllocator;
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  rules(): DynoRules & ReadinessRules;
  /** Of a process that starts now. */
  limits(type: string): Limits;
  cargo(release: number): Cargo | undefined;
  /** Resolves when this dyno may have a process of this release; rejects when the signal aborts. */
  mayStart(dyno: DynoProcess, release: number, signal: AbortSignal): Promise<void>;
  drained(endpoint: Endpoint): Promise<void>;
  log(line: FormationLine): void;
  onProcess(instance: Instance): void;
  onExit(instance: Instance): Promise<void>;
  changed(): void;
  /** Resolves when a daemon that comes later would find the dynos as they are. */
  kept(): Promise<void>;
  /** Neither the app's fault nor the person's. */
  broken(error: unknown): void;
}
