/** What a dyno needs of the formation around it, and what it tells. */
import type { Clock } from "../core/clock.ts";
import type { DynoRules } from "../core/dyno.ts";
import type { Confinement } from "./isolation.ts";
import type { DynoProcess } from "./dyno-process.ts";
import type { PortAllocator } from "./ports.ts";
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
  rules(): DynoRules;
  cargo(release: number): Cargo | undefined;
  /** Resolves when this dyno may have a process of this release; rejects when the signal aborts. */
  mayStart(dyno: DynoProcess, release: number, signal: AbortSignal): Promise<void>;
  drained(endpoint: Endpoint): Promise<void>;
  log(line: FormationLine): void;
  onProcess(instance: Instance): void;
  onExit(instance: Instance): Promise<void>;
  changed(): void;
  /** Neither the app's fault nor the person's. */
  broken(error: unknown): void;
}
