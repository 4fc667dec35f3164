#!/usr/bin/env node
/** The hooks' client of last resort, for machines with neither `nc -U`, nor perl, nor bash: standard input to the
 *  unix socket, the socket to standard output, until the daemon closes. With `ending`, the end of standard input is passed
 *  on. Starting Node costs a push four times its time (docs/decisions), so this imports nothing else. */
import { connect } from "node:net";

const socket = connect(process.argv[2] ?? "");
socket.once("error", () => process.exit(1));
socket.once("connect", () => {
  process.stdin.on("error", () => undefined).pipe(socket, { end: process.argv[3] === "ending" });
  socket.pipe(process.stdout);
});
// Standard output is a pipe, which Node writes synchronously: nothing is lost by leaving at once.
socket.once("close", () => process.exit(0));
process.stdout.on("error", () => process.exit(0));
