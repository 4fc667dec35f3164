/** What is said about a dyno in the app's log, in Heroku's words. */
import { errorHead } from "./error-codes.ts";
import { exitStatus, isBooting } from "./dyno.ts";
import type { Dyno, DynoEffect, DynoEvent, DynoExit, DynoRules } from "./dyno.ts";

type Line = Extract<DynoEffect, { type: "log" }>;

export const say = (message: string): Line => ({ type: "log", message });
export const complain = (message: string): Line => ({ type: "log", message, level: "error" });

export const TERM_LINE = say("Stopping all processes with SIGTERM");
export const KILL_LINE = say("Stopping process with SIGKILL");

/** `Cycling` is the daily restart, which nobody asked for. */
export function restartLine({ daily = false }: { daily?: boolean }): Line {
  return say(daily ? "Cycling" : "Restarting");
}

export function exitLine(exit: DynoExit): Line {
  return say(`Process exited with status ${String(exitStatus(exit))}`);
}

const seconds = (ms: number): string => `${String(ms / 1000)} seconds`;

export function bootTimeoutLine(rules: DynoRules, reason?: string): Line {
  return complain(`${errorHead("R10")} -> Web process ${describeBootTimeout(rules, reason)}`);
}

/** Heroku knows no health check, so its words are for a port that nobody listens on. */
function describeBootTimeout({ bootTimeoutMs, healthPath }: DynoRules, reason?: string): string {
  const task = healthPath === undefined ? "bind to $PORT" : `pass the health check GET ${healthPath}`;
  const detail = reason === undefined ? "" : `: ${reason}`;
  return `failed to ${task} within ${seconds(bootTimeoutMs)} of launch${detail}`;
}

/** What keeps a process that starts from ever being up, to be said of it: `exited with status 1`. */
export function describeBootFailure(dyno: Dyno, event: DynoEvent, rules: DynoRules): string | undefined {
  if (!isBooting(dyno)) return undefined;
  if (event.type === "boot-timeout") return describeBootTimeout(rules, event.reason);
  if (event.type === "exited") return `exited with status ${String(exitStatus(event.exit))}`;
  if (event.type === "spawn-failed") return `failed to start: ${event.reason}`;
  return event.type === "memory-exceeded" ? "used more memory than it may" : undefined;
}

export function stopTimeoutLine({ exitTimeoutMs }: DynoRules): Line {
  const limit = seconds(exitTimeoutMs);
  return complain(`${errorHead("R12")} -> At least one process failed to exit within ${limit} of SIGTERM`);
}

/** @param use such as `mem=1028M(206.3%)` */
export function memoryLines(use: string): Line[] {
  return [say(`Process running ${use}`), complain(errorHead("R15"))];
}

/** The state that a process had, of `State changed from starting to up`; undefined for any other line. */
export function previousState(message: string): string | undefined {
  return /^State changed from (\w+) to \w+/.exec(message)?.[1];
}
