/** One dyno, such as `web.1`: what it is, what it shows, which timers it needs. The decisions are in dyno-table.ts.
 *  A dyno has at most one process at a time; what a change of state costs in the world is returned as effects. */
import { restartDelayMs } from "./restart-policy.ts";
import type { RestartRules } from "./restart-policy.ts";

/** What people see (Heroku's five words). */
export type DynoState = "starting" | "up" | "idle" | "crashed" | "down";

/** Where the dyno really is: `launching` has asked for a process and none is known yet; `cancelling` no longer wants
 *  the one that it asked for; `draining` finishes its requests; `stopping` was sent SIGTERM, `killing` SIGKILL. */
export type DynoPhase =
  "down" | "launching" | "starting" | "up" | "idle" | "crashed" | "cancelling" | "draining" | "stopping" | "killing";

/** What comes once the process is gone. */
export type DynoGoal = "down" | "idle" | "restart" | "crash";

/** What to run. A restart may bring another one. */
export interface DynoSpec {
  readonly release: number;
  readonly command: string;
  /** Gets $PORT, and is up only when it accepts connections there. */
  readonly web: boolean;
}

export interface Dyno {
  readonly phase: DynoPhase;
  /** Meaningful while cancelling, draining, stopping or killing. */
  readonly goal: DynoGoal;
  readonly spec: DynoSpec;
  /** Crashes in a row. */
  readonly crashes: number;
  /** How long it had been crashed already when a daemon that came later took it over. */
  readonly waitedMs: number;
  /** Processes asked for so far. */
  readonly starts: number;
  /** The state that the log was last told. */
  readonly announced: DynoState;
  /** Replaced by a dyno of the same name: its changes of state are no longer news. */
  readonly retired: boolean;
}

/** How a process ended; both null when nobody saw it. */
export interface DynoExit {
  readonly code: number | null;
  readonly signal: string | null;
}

export type DynoEvent =
  | { type: "start-requested"; replaces?: DynoState; daily?: boolean }
  | { type: "restart-requested"; spec?: DynoSpec; daily?: boolean }
  | { type: "stop-requested" }
  | { type: "idle-requested" }
  | { type: "spawned" }
  | { type: "spawn-failed"; reason: string }
  | { type: "adopted"; ready: boolean }
  /** It had no process when an earlier daemon ended. */
  | { type: "restored"; rest: DynoRest }
  /** The port accepts connections (web), or the process has lived long enough (all others). */
  | { type: "ready" }
  | { type: "exited"; exit: DynoExit }
  | { type: "drained" }
  /** @param reason what was still wrong with it, where that is known */
  | { type: "boot-timeout"; reason?: string }
  /** It uses twice the memory that it may, or more. */
  | { type: "memory-exceeded"; use: string }
  | { type: "stop-timeout" }
  | { type: "backoff-elapsed" }
  /** It has been up so long that earlier crashes are forgiven. */
  | { type: "steady" };

/** A dyno without a process, as it is kept for the next daemon. */
export interface DynoRest {
  readonly state: "crashed" | "idle";
  readonly crashes: number;
  readonly waitedMs: number;
}

export type DynoTimer = "boot" | "lived" | "steady" | "backoff" | "stop" | "drain";

export type DynoEffect =
  | { type: "spawn"; announcement: string }
  /** Give up a spawn that is under way; it still ends in `spawned` or `spawn-failed`. */
  | { type: "abort-spawn" }
  /** Begin or end asking the port whether it accepts connections. */
  | { type: "probe"; on: boolean }
  /** Wait until the requests under way are answered; ends in `drained`. */
  | { type: "drain" }
  | { type: "signal"; signal: "SIGTERM" | "SIGKILL" }
  | { type: "arm"; timer: DynoTimer; ms: number }
  | { type: "disarm"; timer: DynoTimer }
  | { type: "log"; message: string; level?: "error" };

/** Every limit, with Heroku's value as its default. */
export interface DynoRules extends RestartRules {
  /** R10. */
  readonly bootTimeoutMs: number;
  /** R12. */
  readonly exitTimeoutMs: number;
  /** How long requests under way may hold up a stop. */
  readonly drainTimeoutMs: number;
  /** How long a process without a port must live to be up. */
  readonly upAfterMs: number;
  /** What a web process must answer with 2xx to be up; undefined: that it listens is enough. */
  readonly healthPath: string | undefined;
}

export const DYNO_RULES: DynoRules = {
  bootTimeoutMs: 60_000,
  exitTimeoutMs: 30_000,
  drainTimeoutMs: 30_000,
  upAfterMs: 1_000,
  healthPath: undefined,
  restartPolicy: "default",
  // Heroku waits up to 320 minutes, which people who run their own machines hate; ours is 1 s, 2 s, 4 s … 10 min.
  backoff: { firstMs: 1_000, maxMs: 600_000, resetAfterMs: 60_000 },
};

export function newDyno(spec: DynoSpec): Dyno {
  return { phase: "down", goal: "down", spec, crashes: 0, waitedMs: 0, starts: 0, announced: "down", retired: false };
}

const STATES: { readonly [P in DynoPhase]: DynoState | "by goal" } = {
  down: "down",
  launching: "starting",
  starting: "starting",
  up: "up",
  idle: "idle",
  crashed: "crashed",
  cancelling: "by goal",
  draining: "by goal",
  stopping: "by goal",
  killing: "by goal",
};

export function dynoState(dyno: Dyno): DynoState {
  const state = STATES[dyno.phase];
  if (state !== "by goal") return state;
  return dyno.goal === "down" || dyno.goal === "idle" ? dyno.goal : "starting";
}

/** Is there, or may there be, a process? */
export function hasProcess(dyno: Dyno): boolean {
  return !["down", "idle", "crashed"].includes(dyno.phase);
}

/** Nothing is going to change by itself, short of a crash, a back-off or a request. */
export function isSettled(dyno: Dyno): boolean {
  return ["down", "up", "idle", "crashed"].includes(dyno.phase);
}

/** It is to come up, and has not yet. */
export function isBooting(dyno: Dyno): boolean {
  return dyno.phase === "launching" || dyno.phase === "starting";
}

/** It does what would make it sleep. */
export function canIdle(dyno: Dyno): boolean {
  return ["down", "launching", "starting", "up", "crashed"].includes(dyno.phase);
}

/** On its way down for good, or there already. */
export function isLeaving(dyno: Dyno): boolean {
  if (dyno.phase === "down") return true;
  return ["cancelling", "draining", "stopping", "killing"].includes(dyno.phase) && dyno.goal === "down";
}

/** A timer belongs to a phase: entering the phase arms it, leaving disarms it. */
const TIMERS: { readonly [P in DynoPhase]: DynoTimer | undefined } = {
  down: undefined,
  launching: undefined,
  starting: "boot",
  up: "steady",
  idle: undefined,
  crashed: "backoff",
  cancelling: undefined,
  draining: "drain",
  stopping: "stop",
  killing: undefined,
};

export function timerOf(dyno: Dyno, rules: DynoRules): DynoTimer | undefined {
  const timer = TIMERS[dyno.phase];
  if (timer === "backoff" && rules.restartPolicy === "never") return undefined;
  return timer === "boot" && !dyno.spec.web ? "lived" : timer;
}

export function isProbed(dyno: Dyno): boolean {
  return dyno.phase === "starting" && dyno.spec.web;
}

/** @param chance in [0, 1). */
export function timerMs(timer: DynoTimer, dyno: Dyno, rules: DynoRules, chance: number): number {
  const ms: { readonly [T in DynoTimer]: number } = {
    boot: rules.bootTimeoutMs,
    lived: rules.upAfterMs,
    steady: rules.backoff.resetAfterMs,
    backoff: Math.max(0, (restartDelayMs(dyno.crashes, rules, chance) ?? 0) - dyno.waitedMs),
    drain: rules.drainTimeoutMs,
    stop: rules.exitTimeoutMs,
  };
  return ms[timer];
}

/** What a timer says when it fires. */
export const TIMER_EVENTS: { readonly [T in DynoTimer]: DynoEvent } = {
  boot: { type: "boot-timeout" },
  lived: { type: "ready" },
  steady: { type: "steady" },
  backoff: { type: "backoff-elapsed" },
  drain: { type: "drained" },
  stop: { type: "stop-timeout" },
};

const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
};

/** The status as a shell gives it: 143 after SIGTERM, 137 after SIGKILL and for a process that was lost. */
export function exitStatus(exit: DynoExit): number {
  return exit.code ?? 128 + (SIGNAL_NUMBERS[exit.signal ?? "SIGKILL"] ?? 9);
}
