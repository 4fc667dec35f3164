/** Starting and stopping the daemon, shared by the `server:…` commands. */
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { isListening, startDaemon } from "../api/daemon.ts";
import { Unreachable } from "../api/line.ts";
import type { PlatformInfo } from "../api/resources.ts";
import { AppError } from "../core/error.ts";
import type { Context } from "./command.ts";

/** The running daemon, or undefined when nobody listens. Starts nothing. */
export async function findPlatform({ quietClient }: Context): Promise<PlatformInfo | undefined> {
  try {
    return await quietClient.platform();
  } catch (error) {
    if (error instanceof Unreachable) return undefined;
    throw error;
  }
}

export async function startPlatform(context: Context): Promise<PlatformInfo> {
  const { world, home } = context;
  await startDaemon({ home, script: world.daemonScript, env: world.env });
  return context.quietClient.platform();
}

/** Stopping apps may take their whole grace time of 30 s. */
const STOP_TIMEOUT_MS = 60_000;
const POLL_MS = 20;

/** Resolves when the daemon is gone: its socket silent and its process ended. */
export async function stopPlatform(context: Context, running: PlatformInfo, apps: boolean): Promise<void> {
  await context.quietClient.stopPlatform(apps);
  const deadline = performance.now() + STOP_TIMEOUT_MS;
  while ((await isListening(context.home)) || (await isAlive(running.pid))) {
    if (performance.now() >= deadline) {
      throw new AppError("unavailable", `The platform (pid ${String(running.pid)}) has not stopped within a minute.`, {
        hint: "Look into `git heroku server:logs`.",
      });
    }
    await sleep(POLL_MS);
  }
}

/** A dead process that init has not seen yet is gone: some containers have an init that looks seldom, or never. As long
 *  as a thread of it waits for the disk it is not: its sockets and locks are still there. */
async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = await readFile(`/proc/${String(pid)}/stat`, "utf8").catch(() => "");
  const threads = await readdir(`/proc/${String(pid)}/task`).catch(() => []);
  return !/\) [ZX] /.test(stat) || threads.length > 1;
}
