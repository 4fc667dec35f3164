/** The decisions of a dyno: phase × event → dyno and effects, one cell for every pair, checked by the compiler.
 *  Promises: a second process is never asked for while one may live; every phase has its own timer and no other. */
import { dynoState, isProbed, timerMs, timerOf } from "./dyno.ts";
import type { Dyno, DynoEffect, DynoEvent, DynoGoal, DynoPhase, DynoRules, DynoState } from "./dyno.ts";
import {
  bootTimeoutLine,
  complain,
  exitLine,
  KILL_LINE,
  memoryLines,
  restartLine,
  say,
  stopTimeoutLine,
  TERM_LINE,
} from "./dyno-words.ts";

export interface DynoStep {
  readonly dyno: Dyno;
  readonly effects: readonly DynoEffect[];
}

type EventOf<T extends DynoEvent["type"]> = Extract<DynoEvent, { type: T }>;
type Cell<T extends DynoEvent["type"]> = (dyno: Dyno, event: EventOf<T>, rules: DynoRules) => DynoStep;
type Row = { readonly [T in DynoEvent["type"]]: Cell<T> };

/** @param chance in [0, 1), for waits that are spread. */
export function nextDyno(dyno: Dyno, event: DynoEvent, rules: DynoRules, chance: number): DynoStep {
  // The row holds a cell for exactly this event; the compiler cannot follow that through the union.
  const cell = TABLE[dyno.phase][event.type] as Cell<typeof event.type>;
  const step = cell(dyno, event, rules);
  return { dyno: step.dyno, effects: [...step.effects, ...activityChanges(dyno, step.dyno, rules, chance)] };
}

function activityChanges(before: Dyno, after: Dyno, rules: DynoRules, chance: number): DynoEffect[] {
  if (before.phase === after.phase) return [];
  const [old, now] = [timerOf(before, rules), timerOf(after, rules)];
  return [
    ...(old === undefined ? [] : [{ type: "disarm", timer: old } as const]),
    ...(isProbed(before) ? [{ type: "probe", on: false } as const] : []),
    ...(isProbed(after) ? [{ type: "probe", on: true } as const] : []),
    ...(now === undefined ? [] : [{ type: "arm", timer: now, ms: timerMs(now, after, rules, chance) } as const]),
  ];
}

const stay = (dyno: Dyno): DynoStep => ({ dyno, effects: [] });

/** Moves on and tells the log when people see another state than it was told last. */
function move(dyno: Dyno, change: Partial<Dyno>, effects: readonly DynoEffect[] = []): DynoStep {
  return { dyno: { ...dyno, ...change }, effects };
}

function announce(dyno: Dyno, to: DynoState): DynoEffect[] {
  if (dyno.announced === to || dyno.retired) return [];
  return [say(`State changed from ${dyno.announced} to ${to}`)];
}

function launch(dyno: Dyno, before: readonly DynoEffect[] = []): DynoStep {
  // A dyno that has never run comes from nowhere, not from `down`.
  const news = dyno.starts === 0 && dyno.announced === "down" ? [] : announce(dyno, "starting");
  const announcement = `Starting process with command: \`${dyno.spec.command}\``;
  return move(dyno, { phase: "launching", announced: "starting", starts: dyno.starts + 1, waitedMs: 0 }, [
    ...before,
    ...news,
    { type: "spawn", announcement },
  ]);
}

function start(dyno: Dyno, event: EventOf<"start-requested">): DynoStep {
  const fresh = { ...dyno, crashes: 0 };
  return event.replaces === undefined
    ? launch(fresh)
    : launch({ ...fresh, announced: event.replaces }, [restartLine(event)]);
}

function restartIdle(dyno: Dyno, event: EventOf<"restart-requested">): DynoStep {
  return launch({ ...dyno, spec: event.spec ?? dyno.spec, crashes: 0 });
}

function adopt(dyno: Dyno, event: EventOf<"adopted">): DynoStep {
  const phase = event.ready ? "up" : "starting";
  return move(dyno, { phase, announced: phase, starts: Math.max(1, dyno.starts) });
}

/** Its process is gone already, and what there was to say about that was said. */
function restore(dyno: Dyno, { rest }: EventOf<"restored">): DynoStep {
  const { state, crashes, waitedMs } = rest;
  // Heroku's log calls a sleeping dyno down.
  const announced = state === "idle" ? "down" : state;
  return move(dyno, { phase: state, announced, crashes, waitedMs, starts: Math.max(1, dyno.starts) });
}

function rise(dyno: Dyno): DynoStep {
  return move(dyno, { phase: "up", announced: "up" }, announce(dyno, "up"));
}

function crash(dyno: Dyno, effects: readonly DynoEffect[]): DynoStep {
  return move(dyno, { phase: "crashed", announced: "crashed", crashes: dyno.crashes + 1 }, [
    ...effects,
    ...announce(dyno, "crashed"),
  ]);
}

const crashOnExit: Cell<"exited"> = (dyno, event) => crash(dyno, [exitLine(event.exit)]);
const crashOnSpawnFailure: Cell<"spawn-failed"> = (dyno, event) =>
  crash(dyno, [complain(`Process failed to start: ${event.reason}`)]);

/** The process is gone: on to what it was stopped for. */
function reach(dyno: Dyno, effects: readonly DynoEffect[]): DynoStep {
  if (dyno.goal === "restart") return launch(dyno, effects);
  if (dyno.goal === "crash") return crash(dyno, effects);
  // Heroku's log calls a sleeping dyno down.
  return move(dyno, { phase: dyno.goal, announced: "down" }, [...effects, ...announce(dyno, "down")]);
}

const reachOnExit: Cell<"exited"> = (dyno, event) => reach(dyno, [exitLine(event.exit)]);
const reachOnSpawnFailure: Cell<"spawn-failed"> = (dyno) => reach(dyno, []);

function terminate(dyno: Dyno, goal: DynoGoal, before: readonly DynoEffect[]): DynoStep {
  return move(dyno, { phase: "stopping", goal }, [...before, TERM_LINE, { type: "signal", signal: "SIGTERM" }]);
}

/** A web process that serves is first taken off the router; anything else is told to stop at once. */
function drain(dyno: Dyno, goal: DynoGoal, before: readonly DynoEffect[]): DynoStep {
  if (!dyno.spec.web) return terminate(dyno, goal, before);
  return move(dyno, { phase: "draining", goal }, [...before, { type: "drain" }]);
}

function restart(dyno: Dyno, event: EventOf<"restart-requested">): DynoStep {
  const lines = [restartLine(event), ...announce(dyno, "starting")];
  const next: Dyno = { ...dyno, announced: "starting", crashes: 0 };
  const step = dyno.phase === "up" ? drain(next, "restart", lines) : terminate(next, "restart", lines);
  // The process under way still belongs to the old spec, so whether it drains was decided with that one.
  return { dyno: { ...step.dyno, spec: event.spec ?? dyno.spec }, effects: step.effects };
}

function cancel(dyno: Dyno, goal: DynoGoal): DynoStep {
  return move(dyno, { phase: "cancelling", goal }, [{ type: "abort-spawn" }]);
}

const restartLaunching: Cell<"restart-requested"> = (dyno, event) =>
  event.spec === undefined || (event.spec.release === dyno.spec.release && event.spec.command === dyno.spec.command)
    ? move(dyno, { crashes: 0 })
    : cancel({ ...dyno, spec: event.spec, crashes: 0 }, "restart");

/** The process is going anyway; only what follows is another thing. */
function retarget(dyno: Dyno, goal: DynoGoal): DynoStep {
  const after: Dyno = { ...dyno, goal };
  return goal === "restart"
    ? move(after, { announced: "starting", crashes: 0 }, announce(dyno, dynoState(after)))
    : move(after, {});
}

const retargetStart: Cell<"start-requested"> = (dyno) => retarget(dyno, "restart");
const retargetStop: Cell<"stop-requested"> = (dyno) => retarget(dyno, "down");
const retargetRestart: Cell<"restart-requested"> = (dyno, event) =>
  retarget({ ...dyno, spec: event.spec ?? dyno.spec }, "restart");

const timeOutBoot: Cell<"boot-timeout"> = (dyno, event, rules) =>
  kill(dyno, "crash", [bootTimeoutLine(rules, event.reason)]);
const timeOutStop: Cell<"stop-timeout"> = (dyno, _event, rules) => kill(dyno, dyno.goal, [stopTimeoutLine(rules)]);
const exceedMemory: Cell<"memory-exceeded"> = (dyno, event) => kill(dyno, "crash", memoryLines(event.use));
const exceedMemoryLeaving: Cell<"memory-exceeded"> = (dyno, event) => kill(dyno, dyno.goal, memoryLines(event.use));

function kill(dyno: Dyno, goal: DynoGoal, errors: readonly DynoEffect[]): DynoStep {
  return move(dyno, { phase: "killing", goal }, [...errors, KILL_LINE, { type: "signal", signal: "SIGKILL" }]);
}

/** What a process on its way out shares: it can only end, and only what follows can change. */
const LEAVING = {
  "start-requested": retargetStart,
  "restart-requested": retargetRestart,
  "stop-requested": retargetStop,
  "idle-requested": stay,
  spawned: stay,
  "spawn-failed": reachOnSpawnFailure,
  adopted: stay,
  restored: stay,
  ready: stay,
  exited: reachOnExit,
  drained: stay,
  "boot-timeout": stay,
  "memory-exceeded": stay,
  "stop-timeout": stay,
  "backoff-elapsed": stay,
  steady: stay,
} satisfies Row;

/** What a dyno without a process shares: nothing that is said of a process concerns it. */
const EMPTY = {
  spawned: stay,
  "spawn-failed": stay,
  adopted: stay,
  restored: stay,
  ready: stay,
  exited: stay,
  drained: stay,
  "boot-timeout": stay,
  "memory-exceeded": stay,
  "stop-timeout": stay,
  "backoff-elapsed": stay,
  steady: stay,
} as const;

/** What a dyno with a process that is wanted shares. */
const PRESENT = {
  "start-requested": stay,
  spawned: stay,
  "spawn-failed": stay,
  adopted: stay,
  restored: stay,
  ready: stay,
  exited: crashOnExit,
  drained: stay,
  "boot-timeout": stay,
  "memory-exceeded": exceedMemory,
  "stop-timeout": stay,
  "backoff-elapsed": stay,
  steady: stay,
} as const;

const TABLE: { readonly [P in DynoPhase]: Row } = {
  down: {
    ...EMPTY,
    "start-requested": start,
    "restart-requested": restartIdle,
    "stop-requested": stay,
    "idle-requested": stay,
    adopted: adopt,
    restored: restore,
  },
  launching: {
    ...PRESENT,
    "restart-requested": restartLaunching,
    "stop-requested": (dyno) => cancel(dyno, "down"),
    "idle-requested": (dyno) => cancel(dyno, "idle"),
    spawned: (dyno) => move(dyno, { phase: "starting" }),
    "spawn-failed": crashOnSpawnFailure,
    "memory-exceeded": stay,
  },
  starting: {
    ...PRESENT,
    "restart-requested": restart,
    "stop-requested": (dyno) => terminate(dyno, "down", []),
    "idle-requested": (dyno) => terminate(dyno, "idle", [say("Idling")]),
    ready: rise,
    "boot-timeout": timeOutBoot,
  },
  up: {
    ...PRESENT,
    "restart-requested": restart,
    "stop-requested": (dyno) => drain(dyno, "down", []),
    "idle-requested": (dyno) => drain(dyno, "idle", [say("Idling")]),
    steady: (dyno) => move(dyno, { crashes: 0 }),
  },
  idle: {
    ...EMPTY,
    "start-requested": (dyno) => launch({ ...dyno, crashes: 0 }, [say("Unidling")]),
    "restart-requested": restartIdle,
    "stop-requested": (dyno) => move(dyno, { phase: "down" }),
    "idle-requested": stay,
  },
  crashed: {
    ...EMPTY,
    "start-requested": start,
    "restart-requested": restartIdle,
    "stop-requested": (dyno) => move(dyno, { phase: "down", announced: "down" }, announce(dyno, "down")),
    "idle-requested": stay,
    "backoff-elapsed": (dyno, _event, rules) => (rules.restartPolicy === "never" ? stay(dyno) : launch(dyno)),
  },
  cancelling: { ...LEAVING, spawned: (dyno) => terminate(dyno, dyno.goal, []) },
  draining: {
    ...LEAVING,
    "spawn-failed": stay,
    drained: (dyno) => terminate(dyno, dyno.goal, []),
    "memory-exceeded": exceedMemoryLeaving,
  },
  stopping: { ...LEAVING, "spawn-failed": stay, "stop-timeout": timeOutStop, "memory-exceeded": exceedMemoryLeaving },
  killing: { ...LEAVING, "spawn-failed": stay },
};
