#!/usr/bin/env node
/** The developer's program, which git runs for `git heroku …`. It hands the real machine to the command line. */
import { fileURLToPath } from "node:url";
import { runCli } from "../cli/run-cli.ts";
import { readVersion } from "./version.ts";

// `git heroku logs | head` closes the pipe: that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});
process.stderr.on("error", () => undefined);

void runCli(process.argv.slice(2), {
  env: process.env,
  cwd: process.cwd(),
  get stdin() {
    return process.stdin;
  },
  stdout: process.stdout,
  stderr: process.stderr,
  now: () => Date.now(),
  get daemonScript() {
    return fileURLToPath(new URL("./platformd.js", import.meta.url));
  },
  buildRelease: async (build) => (await import("./release-build.ts")).buildRelease(build),
  async *readLogRest(rest) {
    yield* (await import("./log-rest.ts")).readLogRest(rest);
  },
  version: readVersion,
}).then((status) => (process.exitCode = status));
