/** Long output as git shows it: at a terminal through the person's pager and in the person's colours, else as it is. */
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import type { Writable } from "node:stream";
import { findPager, wantsColours } from "../clone/display.ts";
import { AppError } from "../core/error.ts";
import type { Context, World } from "./command.ts";
import { Terminal, type OutputStream } from "./terminal.ts";

type Child = ChildProcessByStdio<Writable, null, null>;

/** What git gives a pager that is not set up: leave when all fits, colours as they are, no blank screen behind. */
const USUAL = { LESS: "FRX", LV: "-c" };
/** The shell's statuses for a program that cannot be run, or is not there. */
const NOT_RUN: ReadonlySet<number | null> = new Set([126, 127]);

/** Resolves when all is printed, or when the person has left the pager.
 *  @throws AppError unavailable when the pager cannot be run. */
export async function paged({ world, out }: Context, print: (out: Terminal) => Promise<unknown>): Promise<void> {
  if (world.stdout.isTTY !== true) {
    await print(out);
    return;
  }
  const env = wantsColours(world) ? world.env : { ...world.env, NO_COLOR: "1" };
  const pager = findPager(world);
  if (pager === undefined) await print(new Terminal(world.stdout, world.stderr, env));
  else await runPager(pager, world, (stream) => print(new Terminal(stream, world.stderr, env)));
}

async function runPager(pager: string, world: World, print: (stream: OutputStream) => Promise<unknown>): Promise<void> {
  const { spawn } = await import("node:child_process");
  const child: Child = spawn("sh", ["-c", pager], {
    cwd: world.cwd,
    env: { ...USUAL, ...world.env },
    stdio: ["pipe", "inherit", "inherit"],
  });
  const ended = once(child, "close") as Promise<[number | null]>;
  let status: number | null = null;
  process.on("SIGINT", leaveToPager);
  try {
    await print(pipeTo(child.stdin));
  } catch (error) {
    if (!(error instanceof PagerLeft)) throw error;
  } finally {
    child.stdin.end();
    [status] = await ended;
    process.off("SIGINT", leaveToPager);
  }
  if (NOT_RUN.has(status)) throw cannotRun(pager);
}

/** Ctrl-C stops a search there; who ended now would leave the terminal to two programs. */
function leaveToPager(): void {
  // Nothing to do.
}

/** Nobody reads any more: no failure, but the end of all printing. */
class PagerLeft extends Error {}

function pipeTo(stdin: Writable): OutputStream {
  let hasLeft = false;
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const listener of waiting) listener();
    waiting.clear();
  };
  stdin.on("error", () => (hasLeft = true));
  stdin.on("close", () => {
    hasLeft = true;
    wake();
  });
  stdin.on("drain", wake);
  return {
    isTTY: true,
    write(text, onWritten) {
      if (hasLeft) throw new PagerLeft();
      return stdin.write(text, onWritten);
    },
    once: (_event, listener) => waiting.add(listener),
  };
}

function cannotRun(pager: string): AppError {
  return new AppError("unavailable", `The pager ${JSON.stringify(pager)} could not be run.`, {
    hint: "Set GIT_PAGER or git's core.pager to one that is there, or to cat for none.",
  });
}
