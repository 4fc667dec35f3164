/** What processes are started by: a small program that the daemon keeps (launcher-program.ts), since to fork the daemon
 *  itself, with all of its memory, takes some milliseconds each time in which it can do nothing else. Where the machine has no
 *  perl, the daemon starts each shim itself. The reasons are in docs/decisions/084-launcher.md. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import { getSystemErrorName } from "node:util";
import { launcherProgram, NO_FORK } from "./launcher-program.ts";
import { SHIM } from "./shim.ts";
import type { SystemCalls } from "./system-calls.ts";

/** The end of what stands between the daemon and a process. */
export interface KeeperEnd {
  readonly status: number | undefined;
  /** Why it never began. */
  readonly failure?: string;
}

/** Never rejects. */
export type Keeper = Promise<KeeperEnd>;

export interface LaunchRequest {
  readonly directory: string;
  /** bubblewrap writes here what it made, and keeps the status. */
  readonly sandboxFile: string | undefined;
  readonly groups: readonly string[];
  readonly overlay: { readonly isUser: boolean; readonly options: string } | undefined;
  /** A socket in the directory that becomes its standard input, instead of nothing. */
  readonly socket: string | undefined;
  /** Without HOME, which becomes `app` in the directory. */
  readonly env: Readonly<Record<string, string>>;
  readonly words: readonly string[];
}

type Settle = (end: KeeperEnd) => void;

/** A running one. */
interface Running {
  readonly child: ChildProcess;
  /** Whoever asked and has no answer yet; it answers in order. */
  readonly asked: Settle[];
  /** By pid. */
  readonly keepers: Map<number, Settle>;
}

const LENGTH_DIGITS = 8;

export class Launcher {
  readonly #calls: SystemCalls;
  #running: Running | undefined;

  constructor(calls: SystemCalls) {
    this.#calls = calls;
  }

  /** @throws when a word or a variable has a NUL in it. */
  start(request: LaunchRequest): Keeper {
    const bytes = encode(request);
    const { child, asked } = (this.#running ??= this.#open());
    return new Promise((settle) => {
      asked.push(settle);
      child.stdin?.write(bytes);
    });
  }

  /** What it has started goes on. */
  close(): void {
    this.#running?.child.stdin?.end();
  }

  #open(): Running {
    const child = spawn(this.#calls.perl, ["-e", launcherProgram(this.#calls), "git-heroku-shims"], {
      cwd: "/",
      env: {},
      detached: true,
      stdio: ["pipe", "pipe", "ignore"],
    });
    const running: Running = { child, asked: [], keepers: new Map() };
    child.once("exit", () => this.#abandon(running, "the program that starts processes has ended"));
    child.once("error", (error) => this.#abandon(running, error.message));
    // Its end is what counts.
    child.stdin?.on("error", () => undefined);
    if (child.stdout !== null) createInterface(child.stdout).on("line", (line) => hear(line, running));
    child.unref();
    for (const stream of [child.stdin, child.stdout]) (stream as Socket | null)?.unref();
    return running;
  }

  /** Nothing is heard any more of what it has started. */
  #abandon(running: Running, failure: string): void {
    if (this.#running === running) this.#running = undefined;
    const { child, asked, keepers } = running;
    child.stdin?.destroy();
    child.stdout?.destroy();
    for (const settle of [...asked.splice(0), ...keepers.values()]) settle({ status: undefined, failure });
    keepers.clear();
  }
}

function hear(line: string, { asked, keepers }: Running): void {
  const [word = "", first = "", second = ""] = line.split(" ");
  if (word === "ended") {
    keepers.get(Number(first))?.(endOf(Number(second)));
    keepers.delete(Number(first));
    return;
  }
  const settle = asked.shift();
  if (settle === undefined) return;
  if (word === "began") keepers.set(Number(first), settle);
  else settle({ status: undefined, failure: `spawn ${getSystemErrorName(-Number(first))}` });
}

/** The words of wait(2): the signal in the lowest seven bits, the status above the lowest eight. */
function endOf(waited: number): KeeperEnd {
  const signal = waited & 127;
  const status = signal === 0 ? waited >> 8 : 128 + signal;
  return status === NO_FORK ? { status, failure: "spawn EAGAIN" } : { status };
}

function encode({ directory, sandboxFile, groups, overlay, socket, env, words }: LaunchRequest): Buffer {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const { isUser = false, options = "" } = overlay ?? {};
  const head = [directory, sandboxFile ?? "", groups.join("\n"), isUser ? "user" : "", options, socket ?? ""];
  const fields = [...head, String(variables.length), ...variables, ...words];
  if (fields.some((field) => field.includes("\0"))) throw new Error("a command or a variable has a NUL in it");
  const body = Buffer.from(`${fields.join("\0")}\0`);
  return Buffer.concat([Buffer.from(String(body.length).padStart(LENGTH_DIGITS, "0")), body]);
}

/** Starts a shim without a launcher. */
export function startShim(words: readonly string[], cwd: string, env: LaunchRequest["env"]): Keeper {
  const shim = spawn("/bin/sh", ["-c", SHIM, "git-heroku-shim", ...words], {
    cwd,
    env,
    detached: true,
    stdio: "ignore",
  });
  shim.unref();
  return new Promise((settle) => {
    shim.once("exit", (code, signal) => settle({ status: code ?? statusOfSignal(signal) }));
    shim.once("error", (error) => settle({ status: undefined, failure: error.message }));
  });
}

/** As a shell tells it; undefined for none. */
function statusOfSignal(signal: NodeJS.Signals | null): number | undefined {
  return signal === null ? undefined : 128 + constants.signals[signal];
}
