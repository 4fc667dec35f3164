/** What a formation needs of the thing that runs processes: this machine now, a cluster engine as well.
 *  A runtime starts, signals and observes; it decides nothing. Instances are known by ids that the caller makes, so that
 *  after a crash of the daemon both sides mean the same process. Readiness is not its business: the caller asks the port. */
import type { Duplex } from "node:stream";
import type { DynoExit } from "../core/dyno.ts";
import type { Limits } from "../core/limits.ts";
import type { TerminalSize } from "../core/run-frames.ts";
import type { Confinement } from "./isolation.ts";
import type { Listening } from "./port-owner.ts";

export interface StartSpec {
  /** A UUID made by the caller. */
  readonly id: string;
  readonly app: string;
  readonly type: string;
  readonly slot: number;
  readonly release: number;
  /** Process number of this dyno, 1 for its first one. */
  readonly attempt: number;
  readonly command: string;
  /** The whole environment, except HOME, which is the directory that the runtime makes. */
  readonly env: Readonly<Record<string, string>>;
  /** The slug; the process gets a throw-away view of it. */
  readonly appDir: string;
  readonly port?: number;
  /** How long a one-off process may run; kept with it, for a caller that comes after a crash. */
  readonly timeLimitMs?: number;
  /** Somebody has its input and outputs; absent: it has no input, and its output goes to the spool. */
  readonly attach?: Attach;
  /** What the process and its descendants may use; what is absent is not limited. */
  readonly limits?: Limits;
  readonly confinement?: Confinement;
}

/** How somebody is attached to a process. */
export interface Attach {
  /** Undefined: pipes. */
  readonly terminal?: TerminalSize | undefined;
  /** Between two SIGHUPs, when the connection is lost. */
  readonly hangUpMs: number;
  /** From SIGTERM to SIGKILL, when there is no daemon any more that sends them. */
  readonly exitTimeoutMs: number;
}

/** `pending` until the process is known, `running` until all that belongs to it is gone. */
export type InstancePhase = "pending" | "running" | "exited";

export interface Instance {
  readonly id: string;
  /** `web.1` */
  readonly ps: string;
  readonly app: string;
  readonly type: string;
  readonly slot: number;
  readonly release: number;
  readonly attempt: number;
  readonly command: string;
  readonly phase: InstancePhase;
  /** When the phase began, milliseconds since the epoch. */
  readonly since: number;
  /** When the process began to run; not known of one that went down with its machine. */
  readonly startedAt?: number;
  readonly timeLimitMs?: number;
  /** It was started with `attach`. */
  readonly attached?: boolean;
  /** What it wrote to stdout and stderr, in order; there until the instance is forgotten. */
  readonly spool: string;
  readonly port?: number;
  readonly pid?: number;
  /** Tells the process from a later one with the same pid. */
  readonly startTime?: string;
  readonly exit?: DynoExit;
}

export type InstanceListener = (instance: Instance) => void;

export interface Runtime {
  /** Whether somebody can be attached to a process. */
  readonly canAttach: boolean;
  /** Resolves when the process runs. Aborting gives it up as long as it does not run yet.
   *  Rejects when it cannot be started; nothing is left behind then. */
  start(spec: StartSpec, signal?: AbortSignal): Promise<Instance>;
  /** The connection to a process that was started with `attach`, which carries frames (core/run-frames.ts). It ends when the
   *  process has. Undefined of any other, and of one from before this daemon. */
  relay(id: string): Duplex | undefined;
  /** To every process of the instance. An instance that is gone is no error. */
  signal(id: string, signal: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Bytes of memory that all processes of the instance use now, what they share with others not counted where that can be
   *  told. Undefined when it does not run, or the machine does not say. */
  memory(id: string): Promise<number | undefined>;
  /** Who listens on the TCP port, seen from the processes of this instance. Undefined when it does not run. */
  listening(id: string, port: number): Promise<Listening | undefined>;
  /** Everything of the app that runs or has ended and was not forgotten, also from before this daemon. */
  list(app: string): Promise<Instance[]>;
  /** The app has another name from now on, and its directory was moved; everything runs on. Nothing of it may be starting. */
  renameApp(from: string, to: string): void;
  /** Tells of every change of a phase, until the returned function is called. */
  watch(listener: InstanceListener): () => void;
  /** Removes all traces of an ended instance. */
  forget(id: string): Promise<void>;
  /** `detach` leaves everything running; otherwise it is killed. */
  close(options: { detach: boolean }): Promise<void>;
}
