/** Starting a router process: by the daemon, which tells it the ports to try, or by the router that it replaces, which
 *  hands it its listening socket. The two speak over the child's IPC channel, until the new one serves. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Server } from "node:net";
import type { AppRoute } from "./route-table.ts";
import type { HomeSettings, RouterProgram } from "./wire.ts";

/** The only message to a new router. */
export interface RouterStart {
  /** Tried in this order; 0 is any free one. Without effect for one that is given a socket. */
  readonly ports: readonly number[];
  readonly routes: readonly AppRoute[];
  readonly settings: HomeSettings;
}

/** Its only answer. `taken` are the ports that were tried in vain. */
export interface RouterStarted {
  /** The router's id once it serves; undefined when it cannot, and ends. */
  readonly id?: string;
  readonly reason?: string;
  readonly taken: readonly number[];
}

export interface StartOptions {
  readonly start: RouterStart;
  readonly socket?: Server;
  /** Where its output goes: a file descriptor. */
  readonly output: number | "inherit";
  readonly home: string;
}

/** How much room V8 takes for new objects at most, in MiB: with more the router is no quicker and keeps what a busy moment
 *  made it take, with less it spends its time in collecting them. The build compiles the program with the same options. */
export const ROUTER_NODE_OPTIONS = ["--max-semi-space-size=4"];

const START_TIMEOUT_MS = 30_000;

/** Resolves when the new router serves or has said that it cannot. It outlives this process; before it serves it ends with
 *  it, unless it was given a socket, which somebody must go on serving.
 *  @throws Error when it says nothing in time */
export async function startRouter(program: RouterProgram, options: StartOptions): Promise<RouterStarted> {
  const child = spawn(program.node, [...ROUTER_NODE_OPTIONS, program.script], {
    cwd: options.home,
    // It needs nothing of this process's environment.
    env: {},
    detached: true,
    stdio: ["ignore", options.output, options.output, "ipc"],
  });
  try {
    const answered = answerOf(child);
    child.send(options.start, options.socket, (error) => error !== null && child.kill("SIGKILL"));
    return await answered;
  } finally {
    if (child.connected) child.disconnect();
    child.unref();
  }
}

function answerOf(child: ChildProcess): Promise<RouterStarted> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error("The new router does not answer."));
    }, START_TIMEOUT_MS);
    child.once("message", (message) => resolve(message as RouterStarted));
    child.once("error", reject);
    child.once("exit", (code, signal) => reject(new Error(`The new router ended (${signal ?? String(code)}).`)));
    child.once("close", () => clearTimeout(late));
    child.once("message", () => clearTimeout(late));
  });
}
