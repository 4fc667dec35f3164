#!/usr/bin/env node
/** The router of one home, in a process of its own: started by the daemon, or by the router that it replaces, and told by
 *  it over the IPC channel what to begin with. It outlives the daemon. */
import { randomUUID } from "node:crypto";
import type { Server } from "node:net";
import { PortsTaken, RouterProcess } from "../router/router-process.ts";
import type { RouterStart, RouterStarted } from "../router/start-router.ts";
import { systemClock } from "./system-clock.ts";
import { readVersion } from "./version.ts";

process.title = "git-heroku routerd";
process.umask(0o077);
// The terminal that started the daemon may close.
process.on("SIGHUP", () => undefined);
// A bug in one request must not take every app's requests down with it.
for (const name of ["uncaughtException", "unhandledRejection"] as const) {
  process.on(name, (error: unknown) => {
    process.stderr.write(`${new Date().toISOString()} router, ${name}: ${describe(error)}\n`);
  });
}
process.once("message", (start: RouterStart, socket: Server | undefined) => void serve(start, socket));
// Whoever starts it has gone before it said anything.
process.once("disconnect", leave);

async function serve(start: RouterStart, socket: Server | undefined): Promise<void> {
  // The one who hands over a socket may be killed now: then it must be served all the same.
  if (socket !== undefined) process.off("disconnect", leave);
  const options = { version: readVersion(), pid: process.pid, clock: systemClock, randomId: randomUUID };
  try {
    const router = await RouterProcess.start(start, socket, options);
    void router.ended.then(() => process.exit(0));
    await answer({ id: router.id, taken: router.taken });
    process.off("disconnect", leave);
  } catch (error) {
    const taken = error instanceof PortsTaken ? error.taken : [];
    await answer({ reason: error instanceof Error ? error.message : String(error), taken });
    process.exit(1);
  }
}

function answer(started: RouterStarted): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected && process.send !== undefined) process.send(started, undefined, undefined, () => resolve());
    else resolve();
  });
}

function leave(): void {
  process.exit(1);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
