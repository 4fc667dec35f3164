#!/usr/bin/env node
/** The daemon: serves one home until it is told to stop. The client and the hooks start it detached; in a terminal it
 *  runs in the foreground. With `--echo` what it notes in its log is on standard output too, as on a terminal.
 *
 *  Environment: GIT_HEROKU_HOME, GIT_HEROKU_ROUTER_PORT, GIT_HEROKU_API_PORT. Exit status: 0 stopped, 1 refused,
 *  75 another daemon serves the home, 70 a bug. */
import { setFlagsFromString } from "node:v8";
import { ALREADY_SERVED } from "../core/daemon-status.ts";
import { AppError } from "../core/error.ts";
import { AlreadyServed } from "../server/single-instance.ts";
import { runDaemon } from "./daemon.ts";

// A daemon that mostly waits: V8 would keep the 32 MB that one busy moment made it take for new objects.
setFlagsFromString("--semi-space-growth-factor=1");
process.title = "git-heroku platformd";
runDaemon(process.env).catch((error: unknown) => {
  if (error instanceof AppError) {
    process.stderr.write(
      [error.message, error.hint].map((text) => (text === undefined ? "" : ` !    ${text}\n`)).join(""),
    );
    process.exit(error instanceof AlreadyServed ? ALREADY_SERVED : 1);
  }
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(70);
});
