/** Real processes for the log tests: apps that write to a spool, and keepers that read them. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { TestContext } from "../support/suite.ts";

const ENV = { PATH: process.env["PATH"] ?? "/usr/bin:/bin" };

export function programPath(name: string): string {
  return fileURLToPath(new URL(`programs/${name}.js`, import.meta.url));
}

/** Starts Node with stdout and stderr on one O_APPEND file, as the platform starts an app. */
export function startApp(t: TestContext, spool: string, args: readonly string[]): ChildProcess {
  const fd = openSync(spool, "a", 0o600);
  const child = spawn(process.execPath, args, { stdio: ["pipe", fd, fd], env: ENV });
  closeSync(fd);
  killAfter(t, child);
  return child;
}

export async function exited(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return child.exitCode;
}

function killAfter(t: TestContext, child: ChildProcess): void {
  t.after(async () => {
    child.kill("SIGKILL");
    await exited(child);
  });
}

export interface Keeper {
  child: ChildProcess;
  ask(request: { verb: string; id?: string; ps?: string }): Promise<unknown>;
}

/** Starts a keeper and waits until it has opened the log. `limits` are arguments of `prlimit`. */
export async function startKeeper(
  t: TestContext,
  dir: string,
  spools: readonly string[],
  limits: readonly string[] = [],
): Promise<Keeper> {
  const command = [process.execPath, programPath("keeper"), dir, ...spools];
  const [program = "", ...args] = limits.length === 0 ? command : ["prlimit", ...limits, ...command];
  const child = spawn(program, args, { stdio: ["ignore", "inherit", "inherit", "ipc"], env: ENV });
  killAfter(t, child);
  await once(child, "message");
  return {
    child,
    async ask(request) {
      child.send(request);
      const [reply] = (await once(child, "message")) as [unknown];
      return reply;
    },
  };
}

export async function stopKeeper(keeper: Keeper): Promise<void> {
  keeper.child.send({ verb: "close" });
  await exited(keeper.child);
}
