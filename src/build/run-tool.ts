/** Runs one program of a build in a process group of its own, so that what it starts ends with it, and at low priority, so
 *  that apps that run do not starve. Its environment is the given one, nothing more. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import type { OutputSink } from "./output-sink.ts";

export interface ToolRun {
  words: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
  /** Kills the whole group. */
  signal: AbortSignal;
  output: OutputSink;
  /** Where standard error goes, if not there too. */
  errors?: OutputSink;
}

/** How long the outputs may stay open after the program itself has ended: a grandchild in another group holds them. */
const CLOSE_TIMEOUT_MS = 1_000;

/** What a program starts inherits it, and Linux takes the priority of its disk accesses from it (ioprio_set(2)). Set before the
 *  program begins: what it has started already would not get it any more. */
const NICE = ["/usr/bin/nice", "/bin/nice"].filter((path) => existsSync(path)).slice(0, 1);
const NICENESS = "10";

/** Resolves to the exit status, or the name of the signal that ended it, when the group is gone. */
export async function runTool(run: ToolRun): Promise<number | string> {
  run.signal.throwIfAborted();
  const { words, cwd, env } = run;
  const [command = "", ...args] = [...NICE.flatMap((nice) => [nice, "-n", NICENESS]), ...words];
  const child = spawn(command, args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const closed = [forward(child.stdout, run.output), forward(child.stderr, run.errors ?? run.output)];
  await once(child, "spawn");
  const group = child.pid ?? 0;
  // A session of its own is scheduled as a whole where the kernel groups by session (sched(7), autogroup).
  writeFile(`/proc/${String(group)}/autogroup`, NICENESS).catch(() => undefined);
  const exited = once(child, "exit");
  const kill = (): void => killGroup(group);
  run.signal.addEventListener("abort", kill);
  try {
    if (run.signal.aborted) kill();
    const [code, signal] = (await exited) as [number | null, string | null];
    return code ?? signal ?? "unknown";
  } finally {
    run.signal.removeEventListener("abort", kill);
    kill();
    const close = (): void => {
      child.stdout.destroy();
      child.stderr.destroy();
    };
    // What is there already is read first, however late this process is at it.
    const timer = setTimeout(() => setImmediate(close), CLOSE_TIMEOUT_MS);
    await Promise.all(closed);
    clearTimeout(timer);
  }
}

/** Ends every process of the group; a group that is gone is no error. */
function killGroup(group: number): void {
  try {
    process.kill(-group, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function forward(stream: Readable, output: OutputSink): Promise<void> {
  const lines = output.stream();
  stream.on("data", (bytes: Buffer) => lines.write(bytes));
  await new Promise((resolve) => stream.on("close", resolve));
  lines.end();
}
