/** The decisions of a dyno: phase × event → dyno and effects, one cell for every pair, checked by the compiler.
 *  Promises: a second process is never asked for while one may live; every phase has its own timer and no other. */
import { dynoState, exitStatus, isProbed, timerMs, timerOf } from "./dyno.ts";
import type { Dyno, DynoEffect, DynoEvent, DynoExit, DynoGoal, DynoPhase, DynoRules, DynoState } from "./dyno.ts";

export interface DynoStep {
  readonly dyno: Dyno;
  readonly effects: readonly DynoEffect[];
}

type EventOf<T extends DynoEvent["type"]> = Extract<DynoEvent, { type: T }>;
type Cell<T extends DynoEvent["type"]> = (dyno: Dyno, event: EventOf<T>, rules: DynoRules) => DynoStep;
type Row = { readonly [T in DynoEvent["type"]]: Cell<T> };

export function nextDyno(dyno: Dyno, event: DynoEvent, rules: DynoRules): DynoStep {
  // The row holds a cell for exactly this event; the compiler cannot follow that through the union.
  const cell = TABLE[dyno.phase][event.type] as Cell<typeof event.type>;
  const step = cell(dyno, event, rules);
  return { dyno: step.dyno, effects: [...step.effects, ...activityChanges(dyno, step.dyno, rules)] };
}

function activityChanges(before: Dyno, after: Dyno, rules: DynoRules): DynoEffect[] {
  if (before.phase === after.phase) return [];
  const [old, now] = [timerOf(before), timerOf(after)];
  return [
    ...(old === undefined ? [] : [{ type: "disarm", timer: old } as const]),
    ...(isProbed(before) ? [{ type: "probe", on: false } as const] : []),
    ...(isProbed(after) ? [{ type: "probe", on: true } as const] : []),
    ...(now === undefined ? [] : [{ type: "arm", timer: now, ms: timerMs(now, after, rules) } as const]),
  ];
}

const seconds = (ms: number): string => String(ms / 1000);
const say = (message: string): DynoEffect => ({ type: "log", message });
const complain = (message: string): DynoEffect => ({ type: "log", message, level: "error" });
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
  return move(dyno, { phase: "launching", announced: "starting", starts: dyno.starts + 1 }, [
    ...before,
    ...news,
    { type: "spawn", announcement },
  ]);
}

function start(dyno: Dyno, event: EventOf<"start-requested">): DynoStep {
  const fresh = { ...dyno, crashes: 0 };
  return event.replaces === undefined
    ? launch(fresh)
    : launch({ ...fresh, announced: event.replaces }, [say("Restarting")]);
}

function restartIdle(dyno: Dyno, event: EventOf<"restart-requested">): DynoStep {
  return launch({ ...dyno, spec: event.spec ?? dyno.spec, crashes: 0 });
}

function adopt(dyno: Dyno, event: EventOf<"adopted">): DynoStep {
  const phase = event.ready ? "up" : "starting";
  return move(dyno, { phase, announced: phase, starts: Math.max(1, dyno.starts) });
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

function exitLine(exit: DynoExit): DynoEffect {
  return say(`Process exited with status ${String(exitStatus(exit))}`);
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
  return move(dyno, { phase: "stopping", goal }, [
    ...before,
    say("Stopping all processes with SIGTERM"),
    { type: "signal", signal: "SIGTERM" },
  ]);
}

/** A web process that serves is first taken off the router; anything else is told to stop at once. */
function drain(dyno: Dyno, goal: DynoGoal, before: readonly DynoEffect[]): DynoStep {
  if (!dyno.spec.web) return terminate(dyno, goal, before);
  return move(dyno, { phase: "draining", goal }, [...before, { type: "drain" }]);
}

function restart(dyno: Dyno, event: EventOf<"restart-requested">): DynoStep {
  const lines = [say("Restarting"), ...announce(dyno, "starting")];
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
  if (goal !== "restart") return move(after, {});
  const lines = [...(dyno.goal === "idle" ? [say("Unidling")] : []), ...announce(dyno, dynoState(after))];
  return move(after, { announced: "starting", crashes: 0 }, lines);
}

const retargetStart: Cell<"start-requested"> = (dyno) => retarget(dyno, "restart");
const retargetStop: Cell<"stop-requested"> = (dyno) => retarget(dyno, "down");
const retargetRestart: Cell<"restart-requested"> = (dyno, event) =>
  retarget({ ...dyno, spec: event.spec ?? dyno.spec }, "restart");

function timeOutBoot(dyno: Dyno, _event: EventOf<"boot-timeout">, rules: DynoRules): DynoStep {
  const text = `Error R10 (Boot timeout) -> Web process failed to bind to $PORT within ${seconds(rules.bootTimeoutMs)} seconds of launch`;
  return kill(dyno, "crash", text);
}

function timeOutStop(dyno: Dyno, _event: EventOf<"stop-timeout">, rules: DynoRules): DynoStep {
  const text = `Error R12 (Exit timeout) -> At least one process failed to exit within ${seconds(rules.exitTimeoutMs)} seconds of SIGTERM`;
  return kill(dyno, dyno.goal, text);
}

function kill(dyno: Dyno, goal: DynoGoal, error: string): DynoStep {
  return move(dyno, { phase: "killing", goal }, [
    complain(error),
    say("Stopping process with SIGKILL"),
    { type: "signal", signal: "SIGKILL" },
  ]);
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
  ready: stay,
  exited: reachOnExit,
  drained: stay,
  "boot-timeout": stay,
  "stop-timeout": stay,
  "backoff-elapsed": stay,
  steady: stay,
} satisfies Row;

/** What a dyno without a process shares: nothing that is said of a process concerns it. */
const EMPTY = {
  spawned: stay,
  "spawn-failed": stay,
  adopted: stay,
  ready: stay,
  exited: stay,
  drained: stay,
  "boot-timeout": stay,
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
    "idle-requested": (dyno) => move(dyno, { phase: "idle" }),
    adopted: adopt,
  },
  launching: {
    "start-requested": stay,
    "restart-requested": restartLaunching,
    "stop-requested": (dyno) => cancel(dyno, "down"),
    "idle-requested": (dyno) => cancel(dyno, "idle"),
    spawned: (dyno) => move(dyno, { phase: "starting" }),
    "spawn-failed": crashOnSpawnFailure,
    adopted: stay,
    ready: stay,
    exited: crashOnExit,
    drained: stay,
    "boot-timeout": stay,
    "stop-timeout": stay,
    "backoff-elapsed": stay,
    steady: stay,
  },
  starting: {
    "start-requested": stay,
    "restart-requested": restart,
    "stop-requested": (dyno) => terminate(dyno, "down", []),
    "idle-requested": (dyno) => terminate(dyno, "idle", [say("Idling")]),
    spawned: stay,
    "spawn-failed": stay,
    adopted: stay,
    ready: rise,
    exited: crashOnExit,
    drained: stay,
    "boot-timeout": timeOutBoot,
    "stop-timeout": stay,
    "backoff-elapsed": stay,
    steady: stay,
  },
  up: {
    "start-requested": stay,
    "restart-requested": restart,
    "stop-requested": (dyno) => drain(dyno, "down", []),
    "idle-requested": (dyno) => drain(dyno, "idle", [say("Idling")]),
    spawned: stay,
    "spawn-failed": stay,
    adopted: stay,
    ready: stay,
    exited: crashOnExit,
    drained: stay,
    "boot-timeout": stay,
    "stop-timeout": stay,
    "backoff-elapsed": stay,
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
    "idle-requested": (dyno) => move(dyno, { phase: "idle", announced: "down" }, announce(dyno, "down")),
    "backoff-elapsed": (dyno) => launch(dyno),
  },
  cancelling: { ...LEAVING, spawned: (dyno) => terminate(dyno, dyno.goal, []) },
  draining: { ...LEAVING, "spawn-failed": stay, drained: (dyno) => terminate(dyno, dyno.goal, []) },
  stopping: { ...LEAVING, "spawn-failed": stay, "stop-timeout": timeOutStop },
  killing: { ...LEAVING, "spawn-failed": stay },
};
