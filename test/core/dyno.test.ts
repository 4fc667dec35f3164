/** The dyno machine: its whole table, its words, and what no sequence of events may do. */
import fc from "fast-check";
import * as assert from "uvu/assert";
import { nextDyno } from "../../src/core/dyno-table.ts";
import type { DynoStep } from "../../src/core/dyno-table.ts";
import { DYNO_RULES, dynoState, exitStatus, newDyno, timerOf } from "../../src/core/dyno.ts";
import type { Dyno, DynoEffect, DynoEvent, DynoGoal, DynoPhase, DynoRules, DynoTimer } from "../../src/core/dyno.ts";
import { describe } from "../support/suite.ts";

function next(dyno: Dyno, event: DynoEvent, rules: DynoRules = DYNO_RULES, chance = 0.5): DynoStep {
  return nextDyno(dyno, event, rules, chance);
}

const WEB = { release: 7, command: "node web.js", web: true };
const NEXT = { release: 8, command: "node new.js", web: true };
const POLICIES = ["default", "heroku", "never"] as const;
const PHASES: DynoPhase[] = [
  ...(["down", "launching", "starting", "up", "idle", "crashed"] as const),
  ...(["cancelling", "draining", "stopping", "killing"] as const),
];
const EVENTS: DynoEvent[] = [
  { type: "start-requested" },
  { type: "restart-requested" },
  { type: "stop-requested" },
  { type: "idle-requested" },
  { type: "spawned" },
  { type: "spawn-failed", reason: "no slug" },
  { type: "adopted", ready: true },
  { type: "restored", rest: { state: "crashed", crashes: 2, waitedMs: 500 } },
  { type: "ready" },
  { type: "exited", exit: { code: 1, signal: null } },
  { type: "drained" },
  { type: "boot-timeout" },
  { type: "memory-exceeded", use: "mem=1028M(200.8%)" },
  { type: "stop-timeout" },
  { type: "backoff-elapsed" },
  { type: "steady" },
];

function dynoIn(phase: DynoPhase, goal: DynoGoal = "restart"): Dyno {
  const dyno: Dyno = { ...newDyno(WEB), phase, goal, starts: 1, crashes: 1 };
  return { ...dyno, announced: phase === "idle" ? "down" : dynoState(dyno) };
}

/** A cell in short: the phase that follows, then the effects that are no words. */
function brief(from: Dyno, event: DynoEvent): string {
  const { dyno, effects } = next(from, event);
  const acts = effects.filter(({ type }) => type !== "log").map(briefEffect);
  return [dyno.phase === from.phase ? "·" : dyno.phase, ...acts].join(" ");
}

function briefEffect(effect: DynoEffect): string {
  if (effect.type === "arm") return `+${effect.timer}`;
  if (effect.type === "disarm") return `-${effect.timer}`;
  if (effect.type === "probe") return effect.on ? "+probe" : "-probe";
  return effect.type === "signal" ? effect.signal : effect.type;
}

function words(from: Dyno, event: DynoEvent): string[] {
  return next(from, event).effects.flatMap((effect) =>
    effect.type === "log" ? [effect.message] : effect.type === "spawn" ? [effect.announcement] : [],
  );
}

function goalAfter(phase: DynoPhase, before: DynoGoal, type: "start-requested" | "stop-requested"): DynoGoal {
  return next(dynoIn(phase, before), { type }).dyno.goal;
}

function exited(code: number): DynoEvent {
  return { type: "exited", exit: { code, signal: null } };
}

/** What is armed when a dyno in the middle of its work crashes for the so many-th time. */
function waitAfter(crashes: number, restartPolicy: DynoRules["restartPolicy"], chance: number): DynoEffect | undefined {
  const dyno: Dyno = { ...dynoIn("up"), crashes: crashes - 1 };
  return next(dyno, exited(1), { ...DYNO_RULES, restartPolicy }, chance).effects.find(({ type }) => type === "arm");
}

function restore(state: "crashed" | "idle", waitedMs: number): DynoStep {
  return next(newDyno(WEB), { type: "restored", rest: { state, crashes: 4, waitedMs } });
}

const START = "Starting process with command: `node web.js`";

/** `+timer` arms, `-timer` disarms, a dot stays. Cells that are not here neither change nor do anything. */
const TABLE: Record<DynoPhase, Record<string, string>> = {
  down: {
    "start-requested": "launching spawn",
    "restart-requested": "launching spawn",
    adopted: "up +steady",
    restored: "crashed +backoff",
  },
  launching: {
    "stop-requested": "cancelling abort-spawn",
    "idle-requested": "cancelling abort-spawn",
    spawned: "starting +probe +boot",
    "spawn-failed": "crashed +backoff",
    exited: "crashed +backoff",
  },
  starting: {
    "restart-requested": "stopping SIGTERM -boot -probe +stop",
    "stop-requested": "stopping SIGTERM -boot -probe +stop",
    "idle-requested": "stopping SIGTERM -boot -probe +stop",
    ready: "up -boot -probe +steady",
    exited: "crashed -boot -probe +backoff",
    "boot-timeout": "killing SIGKILL -boot -probe",
    "memory-exceeded": "killing SIGKILL -boot -probe",
  },
  up: {
    "restart-requested": "draining drain -steady +drain",
    "stop-requested": "draining drain -steady +drain",
    "idle-requested": "draining drain -steady +drain",
    exited: "crashed -steady +backoff",
    "memory-exceeded": "killing SIGKILL -steady",
  },
  idle: { "start-requested": "launching spawn", "restart-requested": "launching spawn", "stop-requested": "down" },
  crashed: {
    "start-requested": "launching spawn -backoff",
    "restart-requested": "launching spawn -backoff",
    "stop-requested": "down -backoff",
    "backoff-elapsed": "launching spawn -backoff",
  },
  cancelling: { spawned: "stopping SIGTERM +stop", "spawn-failed": "launching spawn", exited: "launching spawn" },
  draining: {
    exited: "launching spawn -drain",
    drained: "stopping SIGTERM -drain +stop",
    "memory-exceeded": "killing SIGKILL -drain",
  },
  stopping: {
    exited: "launching spawn -stop",
    "memory-exceeded": "killing SIGKILL -stop",
    "stop-timeout": "killing SIGKILL -stop",
  },
  killing: { exited: "launching spawn" },
};

/** A world around the machine in which processes and timers are only counted. */
class World {
  dyno: Dyno = newDyno(WEB);
  process: "none" | "pending" | "alive" = "none";
  readonly armed = new Set<DynoTimer>();
  readonly rules: DynoRules;

  constructor(restartPolicy: DynoRules["restartPolicy"] = "default") {
    this.rules = { ...DYNO_RULES, restartPolicy };
  }

  /** False when the event could not happen in this world. */
  offer(event: DynoEvent): boolean {
    if ((event.type === "adopted" || event.type === "restored") && this.dyno.phase !== "down") return false;
    if (event.type === "spawned" || event.type === "spawn-failed") {
      if (this.process !== "pending") return false;
      this.process = event.type === "spawned" ? "alive" : "none";
    }
    if (event.type === "exited") {
      if (this.process === "none") return false;
      this.process = "none";
    }
    if (event.type === "adopted") this.process = "alive";
    const step = next(this.dyno, event, this.rules);
    this.dyno = step.dyno;
    for (const effect of step.effects) this.#perform(effect);
    return true;
  }

  #perform(effect: DynoEffect): void {
    if (effect.type === "spawn") {
      assert.is(this.process, "none", "a second process");
      this.process = "pending";
    }
    if (effect.type === "signal") assert.is(this.process, "alive", "a signal to nobody");
    if (effect.type === "arm") {
      assert.not(this.armed.has(effect.timer), "armed twice");
      this.armed.add(effect.timer);
    }
    if (effect.type === "disarm") assert.ok(this.armed.delete(effect.timer), "disarmed but not armed");
  }
}

describe("dyno", (test) => {
  test("the table has an answer for every phase and event", () => {
    const table = PHASES.map((phase) => {
      const cells = EVENTS.map((event) => [event.type, brief(dynoIn(phase), event)] as const);
      return [phase, Object.fromEntries(cells.filter(([, cell]) => cell !== "·"))];
    });
    assert.equal(Object.fromEntries(table), TABLE);
  });

  test("what follows an exit is what the process was stopped for", () => {
    const goals = ["down", "idle", "restart", "crash"] as const;
    const phases = goals.map((goal) => next(dynoIn("stopping", goal), exited(143)).dyno.phase);
    assert.equal(phases, ["down", "idle", "launching", "crashed"]);
  });

  test("a process on its way out can be wanted again, or no more", () => {
    for (const phase of ["cancelling", "draining", "stopping", "killing"] as const) {
      assert.is(goalAfter(phase, "down", "start-requested"), "restart");
      assert.is(goalAfter(phase, "restart", "stop-requested"), "down");
      assert.is(goalAfter(phase, "crash", "stop-requested"), "down");
    }
  });

  test("a process without a port has no drain, and is up when it has lived", () => {
    const worker: Dyno = { ...dynoIn("up"), spec: { ...WEB, web: false } };
    assert.is(brief(worker, { type: "stop-requested" }), "stopping SIGTERM -steady +stop");
    assert.is(brief({ ...worker, phase: "launching" }, { type: "spawned" }), "starting +lived");
  });

  test("a restart may bring another release", () => {
    const step = next(dynoIn("up"), { type: "restart-requested", spec: NEXT });
    assert.equal(step.dyno.spec, NEXT);
    assert.is(brief(dynoIn("launching"), { type: "restart-requested", spec: NEXT }), "cancelling abort-spawn");
    assert.is(brief(dynoIn("launching"), { type: "restart-requested", spec: { ...WEB } }), "·");
  });

  test("it speaks as Heroku does", () => {
    assert.equal(words(newDyno(WEB), { type: "start-requested" }), [START]);
    assert.equal(words(newDyno(WEB), { type: "start-requested", replaces: "up" }), [
      "Restarting",
      "State changed from up to starting",
      START,
    ]);
    assert.equal(words(dynoIn("starting"), { type: "ready" }), ["State changed from starting to up"]);
    assert.equal(words(dynoIn("up"), exited(0)), ["Process exited with status 0", "State changed from up to crashed"]);
    assert.equal(words(dynoIn("crashed"), { type: "backoff-elapsed" }), [
      "State changed from crashed to starting",
      START,
    ]);
    assert.equal(words(dynoIn("up"), { type: "restart-requested" }), [
      "Restarting",
      "State changed from up to starting",
    ]);
    assert.equal(words(dynoIn("draining"), { type: "drained" }), ["Stopping all processes with SIGTERM"]);
    assert.equal(words(dynoIn("stopping"), exited(143)), ["Process exited with status 143", START]);
    assert.equal(words({ ...dynoIn("stopping", "down"), announced: "up" }, exited(143)), [
      "Process exited with status 143",
      "State changed from up to down",
    ]);
    assert.equal(words(dynoIn("starting"), { type: "boot-timeout" }), [
      "Error R10 (Boot timeout) -> Web process failed to bind to $PORT within 60 seconds of launch",
      "Stopping process with SIGKILL",
    ]);
    assert.equal(words(dynoIn("stopping"), { type: "stop-timeout" }), [
      "Error R12 (Exit timeout) -> At least one process failed to exit within 30 seconds of SIGTERM",
      "Stopping process with SIGKILL",
    ]);
    assert.equal(words(dynoIn("up"), { type: "restart-requested", daily: true }), [
      "Cycling",
      "State changed from up to starting",
    ]);
    assert.equal(words(dynoIn("up"), { type: "memory-exceeded", use: "mem=1028M(200.8%)" }), [
      "Process running mem=1028M(200.8%)",
      "Error R15 (Memory quota vastly exceeded)",
      "Stopping process with SIGKILL",
    ]);
    assert.equal(words(dynoIn("up"), { type: "idle-requested" }), ["Idling"]);
    assert.equal(words({ ...dynoIn("stopping", "idle"), announced: "up" }, exited(143)), [
      "Process exited with status 143",
      "State changed from up to down",
    ]);
    assert.equal(words(dynoIn("launching"), { type: "spawn-failed", reason: "no slug" }), [
      "Process failed to start: no slug",
      "State changed from starting to crashed",
    ]);
  });

  test("a retired dyno tells of its process, not of its state", () => {
    const retired: Dyno = { ...dynoIn("stopping", "down"), retired: true };
    assert.equal(words(retired, exited(143)), ["Process exited with status 143"]);
  });

  test("crashes are forgiven by time up, and by whoever asks for a start", () => {
    const often: Dyno = { ...dynoIn("up"), crashes: 5 };
    assert.is(next(often, { type: "steady" }).dyno.crashes, 0);
    assert.is(next(often, { type: "restart-requested" }).dyno.crashes, 0);
    assert.is(next(often, exited(0)).dyno.crashes, 6);
    assert.is(next({ ...dynoIn("crashed"), crashes: 5 }, { type: "start-requested" }).dyno.crashes, 0);
  });

  test("the wait after a crash is the policy's, with its jitter", () => {
    assert.equal(waitAfter(3, "default", 0), { type: "arm", timer: "backoff", ms: 3_600 });
    assert.equal(waitAfter(3, "heroku", 0), { type: "arm", timer: "backoff", ms: 40 * 60_000 });
    assert.is(waitAfter(3, "never", 0), undefined);
  });

  test("with the policy never it starts when somebody asks, and else not", () => {
    const rules: DynoRules = { ...DYNO_RULES, restartPolicy: "never" };
    const after = (event: DynoEvent): string => next(dynoIn("crashed"), event, rules).dyno.phase;
    assert.is(after({ type: "backoff-elapsed" }), "crashed");
    assert.is(after({ type: "restart-requested" }), "launching");
    assert.is(after({ type: "start-requested" }), "launching");
  });

  test("one that had no process is taken over as it was, and waits for what is left", () => {
    assert.equal(restore("crashed", 5_000).effects, [{ type: "arm", timer: "backoff", ms: 3_000 }]);
    assert.equal(restore("crashed", 60_000).effects, [{ type: "arm", timer: "backoff", ms: 0 }]);
    assert.is(next(restore("crashed", 5_000).dyno, { type: "backoff-elapsed" }).dyno.waitedMs, 0);
    const idle = restore("idle", 5_000);
    assert.equal(idle.effects, []);
    assert.equal(words(idle.dyno, { type: "start-requested" }), [
      "Unidling",
      "State changed from down to starting",
      START,
    ]);
  });

  test("a status is what a shell would say", () => {
    assert.is(exitStatus({ code: 3, signal: null }), 3);
    assert.is(exitStatus({ code: null, signal: "SIGTERM" }), 143);
    assert.is(exitStatus({ code: null, signal: "SIGSEGV" }), 139);
    assert.is(exitStatus({ code: null, signal: null }), 137);
  });

  test("no sequence of events leaves two processes, or a timer of another phase", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...EVENTS), { maxLength: 60 }),
        fc.constantFrom(...POLICIES),
        (events, policy) => {
          const world = new World(policy);
          for (const event of events) {
            world.offer(event);
            const timer = timerOf(world.dyno, world.rules);
            assert.equal([...world.armed], timer === undefined ? [] : [timer]);
            assert.is(["down", "idle", "crashed"].includes(world.dyno.phase), world.process === "none");
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("whatever went before, a stop ends in down once the process is gone", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 40 }), (events) => {
        const world = new World();
        for (const event of events) world.offer(event);
        world.offer({ type: "stop-requested" });
        if (world.process === "pending") world.offer({ type: "spawned" });
        world.offer({ type: "exited", exit: { code: 0, signal: null } });
        assert.is(world.dyno.phase, "down");
        assert.is(world.armed.size, 0);
      }),
      { numRuns: 2000 },
    );
  });
});
